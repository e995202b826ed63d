"""What stands beside the tier of one record: its probability, what measures leave of it, how fresh it is."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st

from riskmap.assess.residual import WHY_NOT
from riskmap.records import TIER_TITLES, TIERS
from riskmap.ui.look import section
from riskmap.ui.record_view import tier_badge
from riskmap.ui.state import lang, say
from riskmap.ui.wording import number_text
from riskmap.usecases.certainty import MeasureOnPoint, PointCertainty

_LEAST_LABELLED = 0.005  # shares that would round to 0 % are not named


def certainty(point: PointCertainty) -> None:
    """Draw the bar of probabilities, completeness and age, and the residual tier with its measures."""
    section(say("sure_title"))
    if point.probabilities is not None:
        _bar(point.probabilities)
        st.caption(say("sure_exact" if point.method == "exact" else "sure_sampled"))
    elif point.tier is None:
        st.caption(say("sure_unrated"))
    else:
        st.caption(say("sure_not_stated"))
    age = say("sure_no_date") if point.age_days is None else say("sure_age", days=point.age_days)
    state = "" if point.fresh else say("sure_stale")
    text = say("sure_complete", share=f"{point.completeness:.0%}", age=age, state=state)
    st.html(f'<div class="rm-sub">{escape(text)}</div>')
    if point.measures:
        _residual(point)


def _bar(shares: Mapping[str, float]) -> None:
    parts = [(tier, shares[tier]) for tier in TIERS if shares[tier] > 0]
    segments = "".join(
        f'<i class="rm-tier-{tier}" style="width:{share * 100:.2f}%"></i>' for tier, share in parts
    )
    named = [(tier, share) for tier, share in parts if share >= _LEAST_LABELLED]
    words = say("list_separator").join(
        f"{TIER_TITLES[tier].text(lang())} {share:.0%}" for tier, share in named
    )
    st.html(
        f'<div class="rm-sure" role="img" aria-label="{escape(words)}">{segments}</div>'
        f'<div class="rm-sub">{escape(words)}</div>'
    )


def _residual(point: PointCertainty) -> None:
    before, after = (tier_badge(tier or "unrated") for tier in (point.tier, point.residual_tier))
    scores = ""
    if point.score is not None and point.residual_score != point.score:
        before_score, after_score = number_text(point.score), number_text(point.residual_score)
        scores = say("residual_scores", before=before_score, after=after_score)
    st.html(
        f'<div class="rm-head">{escape(say("residual_inherent"))} {before} → {escape(say("residual_left"))} '
        f'{after}<span class="rm-sub">{escape(scores)}</span></div>'
    )
    lines = "".join(f"<li>{escape(_measure(one))}</li>" for one in point.measures)
    st.html(f'<ul class="rm-list">{lines}</ul>')
    st.caption(say("residual_note"))


def _measure(one: MeasureOnPoint) -> str:
    title, expiry = one.title.text(lang()), str(one.expires_on or "—")
    if one.why_not is None:
        return say("residual_in_force", title=title, expiry=expiry)
    reason = WHY_NOT[one.why_not].text(lang())
    if one.why_not == "expired":
        reason = say("residual_expired", expiry=expiry)
    return say("residual_not", title=title, reason=reason)
