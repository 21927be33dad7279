// What this page asked of the bot, and how far each has come.

/** Follows the interactions that this page sent; those of other windows are not its business. */
export class Interactions {
  constructor(world, connection) {
    this.connection = connection;
    this.known = new Map();
    this.followers = new Map();
    world.addEventListener("interaction", ({ detail }) => this.hear(detail.interaction));
  }

  /**
   * Ask for an action that makes an interaction. `follow(interaction)` is called now and at every change; its
   * `state` is "sent", "thinking", "answered" or "failed". Rejects with Refused when it was not sent at all.
   */
  async send(action, parameters, follow) {
    const sent = await this.connection.ask(action, parameters);
    const latest = this.known.get(sent.id) ?? sent;
    this.followers.set(sent.id, follow);
    follow(latest);
    return latest;
  }

  /** The interaction once the bot has answered or failed to. */
  settled(action, parameters) {
    return new Promise((resolve, reject) => {
      const follow = (interaction) => interaction.state !== "sent" && resolve(interaction);
      this.send(action, parameters, follow).catch(reject);
    });
  }

  hear(interaction) {
    this.known.set(interaction.id, interaction);
    this.followers.get(interaction.id)?.(interaction);
    if (interaction.state === "answered" || interaction.state === "failed") this.followers.delete(interaction.id);
    if (this.known.size > 200) this.known.delete(this.known.keys().next().value);
  }
}
