"""From an interaction to a queued job or duel: permission to post, the size limit, the attached files."""
