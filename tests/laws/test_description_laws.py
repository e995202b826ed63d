"""A description is read as XML where it is whole; the reader of any HTML would say the same of it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from riskmap.io.files.drivers import markup

_PIECES = st.sampled_from(
    [
        *(
            "<table>",
            "</table>",
            "<TABLE border='1'>",
            "<tr>",
            "</tr>",
            "<TR>",
            "<td>",
            "</td>",
            "<td colspan=2>",
        ),
        *(
            '<td colspan="2">',
            '<TD ROWSPAN="2">',
            "<td/>",
            "<th>",
            "</th>",
            "<br>",
            "<br/>",
            "<p>",
            "</p>",
            "<b>",
            "</b>",
        ),
        *(
            "<li>",
            "</li>",
            "<hr/>",
            "<style>",
            "</style>",
            "<title>",
            "</title>",
            "<script>",
            "</script>",
            "<!-- x -->",
        ),
        *(
            "编号",
            "编号：M1",
            "宽度: 5",
            "a=b",
            "  ",
            "\n",
            "\r\n",
            "\r",
            "5 < 6",
            "&lt;",
            "&amp;",
            "&nbsp;",
            "&#150;",
            "&",
            "&gt",
        ),
        *(
            "<名称>",
            "</名称>",
            "<?x?>",
            "<![CDATA[",
            "]]>",
            "<o:p>",
            "</o:p>",
            "</>",
            "\x0b",
            '"',
            "'",
            ">",
            "</all>",
            "<all>",
        ),
    ]
)


def _rows() -> st.SearchStrategy[str]:
    cell = st.text("编号:： a1\n&<>", max_size=6)
    row = st.lists(cell, max_size=3).map(
        lambda cells: "<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"
    )
    return st.lists(row, max_size=4).map(lambda rows: f"<table>{''.join(rows)}</table>")


@given(st.lists(st.one_of(_PIECES, _rows()), max_size=12).map("".join))
@example("<table><tr><td>编号</td><td>M1</td></tr><tr><td>宽度</td><td>5&amp;6</td></tr></table>")
@example("</all><table><tr><td>a</td><td>b</td></tr></table><all>")
@example("<p>编号：M1</p><p>宽度：5</p>")
@example("a<script><b>x</b></script>b")
def test_a_description_says_the_same_to_both_readers(text: str) -> None:
    page, quick = markup._page(text), markup._description(text)
    assert [table.rows() for table in quick.tables] == [table.rows() for table in page.tables]
    assert quick.lines == page.lines
