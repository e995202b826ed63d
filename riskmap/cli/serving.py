"""The command that serves the app."""

from __future__ import annotations

import os
from typing import Annotated, Literal, cast

import typer

from riskmap.cli.common import LANG, StoreOption, WorkspaceOption, app


@app.command()
def serve(
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8501,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="打开浏览器 / open the browser")
    ] = False,
) -> None:
    """打开应用（仅本机 127.0.0.1）/ serve the app on this machine."""
    from riskmap.usecases.workspace import open_workspace

    ws = open_workspace(workspace, store)
    _ = ws.ledger.state  # say what is wrong before a browser opens
    os.environ["RISKMAP_WORKSPACE"] = str(ws.root)
    if store:
        os.environ["RISKMAP_STORE"] = ws.store
    from riskmap.ui.server import run

    run(port=port, open_browser=open_browser, url_lang=cast("Literal['zh', 'en']", LANG))
