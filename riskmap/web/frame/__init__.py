"""The frame of the app: server, security, routes, shell, assets."""
