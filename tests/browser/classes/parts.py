"""What other widgets are made with: layouts, styles, links, the parts of a controller."""

from __future__ import annotations

from playwright.sync_api import Locator

from tests.browser.classes.case import Act, Case, press

PAD = """
window.gamepad = {
  id: "A pad", index: 0, mapping: "standard", connected: true, timestamp: 1,
  buttons: [{ value: 0.5, pressed: true }, { value: 0, pressed: false }], axes: [-1, 0.25],
};
"""

GAMEPAD = "navigator.getGamepads = () => [window.gamepad ?? null, null, null, null];"
"""Chromium's door to the hardware: a page with this has the pad that `PAD` connects."""


def connect(view: Locator) -> None:
    """Connect a pad."""
    view.evaluate(f"() => {{ {PAD} }}")


def link(function: str) -> str:
    return (
        "source = w.IntSlider(2, max=50, description='source', layout={'width': '341px'})\n"
        "target = w.IntText(9, description='target', layout={'width': '200px'})\n"
        f"it, shown = w.{function}((source, 'value'), (target, 'value')), w.HBox([source, target])"
    )


def style(name: str, shown: str, key: str, before: object, after: object) -> Case:
    """The style of a widget, of which the kernel changes a key."""
    made = f"shown = {shown}\nit = shown.style\nassert type(it).__name__ == {name!r}\nit.{key} = {before!r}"
    return Case(name, made, f"it.{key} = {after!r}", f"it.{key}", after)


RED, GREEN = "rgb(180, 10, 20)", "rgb(10, 140, 20)"

LAYOUT = (
    "it = w.Layout(width='277px', height='61px', margin='2px 3px 4px 5px', padding='7px', overflow='auto',"
    " border_top='1px solid rgb(7, 8, 9)', border_left='4px dashed rgb(9, 8, 7)', min_width='100px',"
    " max_height='99px', align_self='flex-end', visibility='visible', flex='0 1 auto', order='2')\n"
    "shown = w.Button(description='laid out', layout=it)"
)

FOLLOWS: Act = press("ArrowRight", 5)

PARTS = [
    Case(
        "Layout",
        LAYOUT,
        "it.width, it.border_top = '288px', '6px solid rgb(70, 80, 90)'",
        "it.width",
        "288px",
    ),
    style("ButtonStyle", "w.Button(description='styled')", "button_color", RED, GREEN),
    style("CheckboxStyle", "w.Checkbox(description='styled')", "background", RED, GREEN),
    style("DescriptionStyle", "w.IntText(description='styled')", "description_width", "111px", "55px"),
    style("HTMLStyle", "w.HTML('styled')", "text_color", RED, GREEN),
    style("HTMLMathStyle", "w.HTMLMath('styled')", "font_size", "19px", "11px"),
    style("LabelStyle", "w.Label('styled')", "text_decoration", "underline", "line-through"),
    style("ProgressStyle", "w.IntProgress(40)", "bar_color", RED, GREEN),
    style("SliderStyle", "w.IntSlider(40)", "handle_color", RED, GREEN),
    style("TextStyle", "w.Text('styled')", "text_color", RED, GREEN),
    style("ToggleButtonStyle", "w.ToggleButton(description='styled')", "font_weight", "bold", "300"),
    style("ToggleButtonsStyle", "w.ToggleButtons(options=['a', 'b'])", "button_width", "77px", "44px"),
    Case("Link", link("jslink"), FOLLOWS, "[it.source[0].value, it.target[0].value]", [7, 7]),
    Case("DirectionalLink", link("jsdlink"), FOLLOWS, "[it.source[0].value, it.target[0].value]", [7, 7]),
    Case(
        "controller.Button",
        "it = controller.Button(); it.set_trait('value', 0.25)",
        "it.set_trait('value', 0.75)",
        "it.value",
        0.75,
    ),
    Case(
        "controller.Axis",
        "it = controller.Axis(); it.set_trait('value', -0.5)",
        "it.set_trait('value', 0.5)",
        "it.value",
        0.5,
    ),
    Case(
        # A plain JupyterLab never hears of the models that another window opens for buttons and axes.
        "Controller",
        "it = w.Controller(index=0, layout={'width': '222px'})",
        connect,
        "[it.name, it.connected, [(b.value, b.pressed) for b in it.buttons], [a.value for a in it.axes]]",
        ["A pad", True, [[0.5, True], [0, False]], [-1, 0.25]],
        alike=False,
    ),
]
