"""How Streamlit is set up: nothing leaves the machine, no menu of a developer, the house colours."""

from __future__ import annotations

from typing import Any, Final

from streamlit import config, net_util

from riskmap.web.frame.security import SESSION_HEADER

INK: Final = "#1d2b3e"


PRIMARY: Final = "#0b5cad"


_FONT: Final = (
    "'Noto Sans SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei UI', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', 'Segoe UI', sans-serif"
)


SETTINGS: Final[dict[str, Any]] = {
    "browser.gatherUsageStats": False,
    "browser.serverAddress": "127.0.0.1",
    "server.headless": True,
    "server.trustedUserHeaders": {SESSION_HEADER: "session"},  # which no client can send: `Sessions` drops it
    "server.fileWatcherType": "none",
    "server.maxUploadSize": 200,
    "runner.magicEnabled": False,  # nothing of ours prints bare expressions; looking for them costs 0.1 s a session
    # A search for cycles after each run of a page stopped all threads for .4–.7 s; Python searches by itself.
    "runner.postScriptGC": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "theme.base": "light",
    "theme.primaryColor": PRIMARY,
    "theme.backgroundColor": "#ffffff",
    "theme.secondaryBackgroundColor": "#f3f6fa",
    "theme.textColor": INK,
    "theme.linkColor": PRIMARY,
    "theme.borderColor": "#d5dde7",
    "theme.dataframeBorderColor": "#dfe5ed",
    "theme.dataframeHeaderBackgroundColor": "#f3f6fa",
    "theme.font": _FONT,
    "theme.headingFont": _FONT,
    "theme.codeFont": "'Cascadia Mono', Consolas, 'Noto Sans Mono CJK SC', monospace",
    "theme.baseFontSize": 15,
    "theme.baseRadius": "4px",
    "theme.buttonRadius": "4px",
    "theme.showSidebarBorder": True,
    "theme.showWidgetBorder": True,
    "theme.headingFontSizes": ["1.7rem", "1.4rem", "1.2rem", "1.05rem", "1rem", "0.95rem"],
    "theme.headingFontWeights": [600, 600, 600, 600, 600, 600],
    "theme.chartCategoricalColors": ["#0b5cad", "#5b8fc7", "#7b8797", "#f07d1a", "#f2c318", "#d7191c"],
    "theme.sidebar.backgroundColor": "#f7f9fc",
    "theme.sidebar.secondaryBackgroundColor": "#ffffff",
    "theme.sidebar.borderColor": "#d5dde7",
}


def apply_settings() -> None:
    """Set every option that nobody has set by file, environment or command line."""
    for option, value in SETTINGS.items():
        if not config.is_manually_set(option):
            config.set_option(option, value)
    # For a foreign origin, and at `streamlit run`, Streamlit asks an outside host for this machine's address,
    # and for seconds nobody else is answered. The gate is before it; this is the second lock.
    net_util.get_external_ip = net_util.get_internal_ip = _not_looked_up


def _not_looked_up() -> None:
    """Stand for an address of this machine that nobody needs to know."""
