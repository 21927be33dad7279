"""Makes discord.py's heartbeat thread as slow as a busy machine can make it; for the plain bot."""

from __future__ import annotations

import threading

import discord


class SlowHeartbeat(discord.gateway.KeepAliveHandler):
    """Notes what its thread sent only when the next heartbeat is due; every ACK prints the latency."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "_last_send" and threading.current_thread() is self:
            self._stop_ev.wait(self.interval)
        super().__setattr__(name, value)

    def ack(self) -> None:
        super().ack()
        print(f"latency {self.latency:.3f}", flush=True)


discord.gateway.KeepAliveHandler = SlowHeartbeat  # type: ignore[misc]
