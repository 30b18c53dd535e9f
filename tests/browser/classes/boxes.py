"""What has other widgets, or outputs, in it."""

from __future__ import annotations

from tests.browser.classes.case import Case, click, press, write

LABELS = "[w.Label(f'item {n}', layout={'width': '70px'}) for n in range(4)]"

BOXES = [
    Case(
        "Box",
        f"it = w.Box({LABELS}, box_style='info', layout={{'width': '420px', 'justify_content': 'space-between'}})",
        "it.children = it.children[::-1]",
        "[child.value for child in it.children]",
        ["item 3", "item 2", "item 1", "item 0"],
    ),
    Case(
        "HBox",
        "it = w.HBox([w.Checkbox(False, description='in a row', layout={'width': '200px'}), w.Label('beside')],"
        " layout={'width': '421px', 'align_items': 'center'})",
        click("input"),
        "it.children[0].value",
        True,
    ),
    Case(
        "VBox",
        f"it = w.VBox({LABELS}, box_style='', layout={{'width': '422px', 'border': '1px solid rgb(5, 6, 7)'}})",
        "it.children, it.box_style = it.children[1:] + (w.Label('new'),), 'success'",
        "[child.value for child in it.children]",
        ["item 1", "item 2", "item 3", "new"],
    ),
    Case(
        "GridBox",
        f"it = w.GridBox({LABELS}, layout={{'grid_template_columns': 'repeat(3, 100px)', 'grid_gap': '4px 6px'}})",
        "it.layout.grid_template_columns = 'repeat(2, 120px)'",
        "it.layout.grid_template_columns",
        "repeat(2, 120px)",
    ),
    Case(
        "Accordion",
        "it = w.Accordion([w.Label('in the first'), w.Label('in the second')], titles=('First', 'Second'),"
        " selected_index=0, layout={'width': '430px'})",
        click(".jupyter-widget-Collapse-header", 1),
        "it.selected_index",
        1,
    ),
    Case(
        "Tab",
        "it = w.Tab([w.Label('tab one'), w.Label('tab two')], titles=('One', 'Two'), selected_index=0,"
        " layout={'width': '431px'})",
        click(".lm-TabBar-tab", 1),
        "it.selected_index",
        1,
    ),
    Case(
        "Stack",
        "it = w.Stack([w.Button(description='on top'), w.Label('below')], selected_index=0,"
        " layout={'width': '432px'})",
        "it.selected_index = 1",
        "it.selected_index",
        1,
    ),
    Case(
        "Output",
        "it = w.Output(layout={'width': '433px', 'border': '3px solid rgb(0, 90, 0)'})\n"
        "with it:\n    print('captured'); display(w.Label('a view in it'))",
        "with it:\n    print('and more')\n    display({'text/html': '<b>bold</b>'}, raw=True)",
        "[output.get('text', list(output.get('data', ()))[-1:]) for output in it.outputs]",
        ["captured\n", ["application/vnd.jupyter.widget-view+json"], "and more\n", ["text/html"]],
    ),
    Case(
        "AppLayout",
        "it = w.AppLayout(header=w.Label('above'), center=w.Text('centre', layout={'width': '150px'}),"
        " left_sidebar=w.Label('left'), layout={'width': '434px'})",
        write("!"),
        "it.center.value",
        "centre!",
    ),
    Case(
        "GridspecLayout",
        "it = w.GridspecLayout(2, 2, layout={'width': '435px', 'height': '90px'})\n"
        "it[0, 0], it[1, :] = w.Label('corner'), w.Label('bottom')",
        "it[0, 1] = w.Label('other corner')",
        "it[0, 1].value",
        "other corner",
    ),
    Case(
        "TwoByTwoLayout",
        "it = w.TwoByTwoLayout(top_left=w.Label('a'), top_right=w.Label('b'), bottom_left=w.Label('c'),"
        " bottom_right=w.Label('d'), layout={'width': '436px'})",
        "it.bottom_left = w.Label('e')",
        "it.bottom_left.value",
        "e",
    ),
    Case(
        "interactive",
        "it = w.interactive(lambda x: print(f'twice {2 * x}'), x=w.IntSlider(2, max=9, layout={'width': '340px'}))",
        press("ArrowRight"),
        "[it.kwargs['x'], it.out.outputs[0]['text']]",
        [3, "twice 6\n"],
    ),
]
