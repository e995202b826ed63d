"""How a district runs its duty: minutes to answer, how long a contact's check is good, its outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from riskmap.errors import Say

OUTBOX_KINDS: Final = ("file", "smtp", "webhook")
SECURITY: Final = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True)
class DutySettings:
    """The section [duty]. The minutes are a draft default of ours, no official rule.

    `minutes`: a call unanswered for so long goes to the next contact. `verified_days`: contacts
    checked longer ago count as expired, 0 for what each layer's plan says.
    """

    minutes: float = 15.0
    verified_days: int = 0


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """The section [outbox]: where messages leave. Nothing leaves to what is not named here.

    `kind` file writes into `folder`; smtp sends mail from `sender` to `recipients`, and to those of
    the message's sub-district in `subdistricts`; webhook posts JSON to `url`. Passwords are in the
    environment: `password_env` and `token_env` name the variables. `timeout` in seconds.
    """

    kind: str = "file"
    folder: str = "data/outbox"
    host: str = ""
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password_env: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()
    subdistricts: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    url: str = ""
    token_env: str = ""
    timeout: float = 10.0

    def mistake(self) -> tuple[str, Say] | None:
        """Return the key that is wrong and what it should hold, None where all is well."""
        if self.kind == "smtp":
            return self._smtp_mistake()
        if self.kind == "webhook":
            parts = urlsplit(self.url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                return "url", Say(
                    "http:// 或 https:// 开头的地址", "an address that begins with http:// or https://"
                )
            if parts.username or parts.password:
                return "url", Say(
                    "不含用户名和密码的地址；密钥放在 token_env 指明的环境变量里",
                    "an address without user and password; the secret is in the variable that token_env names",
                )
        if self.kind == "file" and not self.folder.strip():
            return "folder", Say("文件夹", "a folder")
        return None

    def _smtp_mistake(self) -> tuple[str, Say] | None:
        if not self.host.strip():
            return "host", Say("邮件服务器", "the mail server")
        addresses = (*self.recipients, *(a for group in self.subdistricts.values() for a in group))
        for key, found in (("sender", (self.sender,)), ("recipients", addresses)):
            if not found or not all(_is_address(a) for a in found):
                return key, Say("邮箱地址，如 duty@example.org", "mail addresses, such as duty@example.org")
        if self.user and not self.password_env:
            return "password_env", Say(
                "存放密码的环境变量名", "the environment variable that holds the password"
            )
        return None


def _is_address(text: str) -> bool:
    name, at, host = text.partition("@")
    return bool(name and at and host) and text.isascii() and not any(c in text for c in ' \r\n\t,;<>"')


DEFAULT_DUTY: Final = DutySettings()
DEFAULT_OUTBOX: Final = OutboxSettings()
