"""Who may do what, where and how much: the gate, a server's settings, the filter of words and links."""
