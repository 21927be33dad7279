-- Why the model of a job was chosen, where the member left that to the bot (mode:auto); empty where they chose it.
ALTER TABLE jobs ADD COLUMN chosen TEXT NOT NULL DEFAULT '';
