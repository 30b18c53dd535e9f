"""Yes and no, one of several, several of them, lists of tags, moments."""

from __future__ import annotations

from tests.browser.classes.case import Case, add_tag, choose, click, enter, press, write

CHOICES = [
    Case(
        "Checkbox",
        "it = w.Checkbox(False, description='check me', indent=False, style={'background': 'rgb(250, 240, 200)'},"
        " layout={'width': '190px'})",
        click("input"),
        "it.value",
        True,
    ),
    Case(
        "ToggleButton",
        "it = w.ToggleButton(False, description='toggle', icon='check', button_style='info', tooltip='of a toggle',"
        " layout={'width': '177px', 'height': '44px'})",
        lambda view: view.click(),
        "it.value",
        True,
    ),
    Case(
        "Valid",
        "it = w.Valid(True, description='valid?', readout='not at all', layout={'width': '260px'})",
        "it.value = False",
        "it.value",
        False,
    ),
    Case(
        "Dropdown",
        "it = w.Dropdown(options=[('One', 1), ('Two  blanks', 2), ('Three', 3)], value=2, description='drop',"
        " layout={'width': '310px'})",
        choose("Three"),
        "it.value",
        3,
    ),
    Case(
        "RadioButtons",
        "it = w.RadioButtons(options=['pepperoni', 'pineapple'], value='pineapple', description='radio',"
        " layout={'width': 'max-content'})",
        click("input"),
        "it.value",
        "pepperoni",
    ),
    Case(
        "Select",
        "it = w.Select(options=['Linux', 'Windows', 'macOS'], value='macOS', rows=4, description='OS',"
        " layout={'width': '280px'})",
        press("ArrowUp", 2, selector="select"),
        "it.value",
        "Linux",
    ),
    Case(
        "SelectMultiple",
        "it = w.SelectMultiple(options=['Apples', 'Oranges', 'Pears'], value=['Oranges'], rows=3,"
        " description='fruits', layout={'width': '270px', 'height': '96px'})",
        choose("Apples", "Pears"),
        "it.value",
        ["Apples", "Pears"],
    ),
    Case(
        "ToggleButtons",
        "it = w.ToggleButtons(options=['Slow', 'Regular', 'Fast'], description='speed', button_style='success',"
        " tooltips=['a', 'b', 'c'], icons=['check', 'truck', 'star'], style={'button_width': '97px'})",
        click("button", 2),
        "it.value",
        "Fast",
    ),
    Case(
        "SelectionSlider",
        "it = w.SelectionSlider(options=['scrambled', 'poached', 'over easy'], value='poached', description='eggs',"
        " layout={'width': '380px'})",
        press("ArrowRight"),
        "it.value",
        "over easy",
    ),
    Case(
        "SelectionRangeSlider",
        "it = w.SelectionRangeSlider(options=['Jan', 'Feb', 'Mar', 'Apr', 'May'], index=(1, 3),"
        " description='months', layout={'width': '390px'})",
        press("ArrowLeft"),
        "it.value",
        ["Jan", "Apr"],
    ),
    Case(
        "Combobox",
        "it = w.Combobox(value='Pau', options=['Paul', 'John', 'George'], placeholder='someone', ensure_option=False,"
        " description='combo', layout={'width': '320px'})",
        write("l"),
        "it.value",
        "Paul",
    ),
    Case(
        "TagsInput",
        "it = w.TagsInput(value=['pizza', 'fries'], allowed_tags=['pizza', 'fries', 'steak'], tag_style='success',"
        " allow_duplicates=False, layout={'width': '410px'})",
        add_tag("steak"),
        "it.value",
        ["pizza", "fries", "steak"],
    ),
    Case(
        "ColorsInput",
        "it = w.ColorsInput(value=['red', '#2f6d30'], layout={'width': '411px'})",
        add_tag("blue"),
        "it.value",
        ["red", "#2f6d30", "blue"],
    ),
    Case(
        "FloatsInput",
        "it = w.FloatsInput(value=[1.3, 78.9], tag_style='info', format='.2f', layout={'width': '412px'})",
        add_tag("4.5"),
        "it.value",
        [1.3, 78.9, 4.5],
    ),
    Case(
        "IntsInput",
        "it = w.IntsInput(value=[1, 3243], min=0, max=1000000, format='$,d', layout={'width': '413px'})",
        click(".jupyter-widget-tag-close"),
        "it.value",
        [3243],
    ),
    Case(
        "DatePicker",
        "it = w.DatePicker(value=datetime.date(2024, 2, 28), min=datetime.date(2020, 1, 1), description='day',"
        " layout={'width': '305px'})",
        enter("2024-02-29"),
        "str(it.value)",
        "2024-02-29",
    ),
    Case(
        "TimePicker",
        "it = w.TimePicker(value=datetime.time(1, 2, 3), max=datetime.time(22), step=1, description='time',"
        " layout={'width': '306px'})",
        enter("12:34:56"),
        "str(it.value)",
        "12:34:56",
    ),
    Case(
        "DatetimePicker",
        "it = w.DatetimePicker(value=datetime.datetime(2023, 5, 6, 7, 8, tzinfo=datetime.timezone.utc),"
        " description='moment', layout={'width': '307px'})",
        enter("2024-02-29T12:34"),
        "it.value.astimezone().replace(tzinfo=None).isoformat()",
        "2024-02-29T12:34:00",
    ),
    Case(
        "NaiveDatetimePicker",
        "it = w.NaiveDatetimePicker(value=datetime.datetime(2023, 5, 6, 7, 8), description='naive',"
        " min=datetime.datetime(2000, 1, 1), layout={'width': '308px'})",
        enter("2025-12-31T23:59"),
        "it.value.isoformat()",
        "2025-12-31T23:59:00",
    ),
    Case(
        "ColorPicker",
        "it = w.ColorPicker(value='teal', description='colour', layout={'width': '309px'})",
        enter("#ff0000"),
        "it.value",
        "#ff0000",
    ),
]
