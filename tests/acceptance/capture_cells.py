"""Cells that do to Output widgets what people do, and more; ``# %%`` begins a cell. No comm is closed in them."""

from __future__ import annotations

from typing import Final

START: Final = r"""
import asyncio, base64, logging, subprocess, sys, threading
import ipywidgets as w
from IPython.display import HTML, JSON, Image, Latex, Markdown, SVG, clear_output, display, update_display
a, b, c = w.Output(), w.Output(), w.Output()
display(a); display(b); display(c)
"""

KINDS: Final = r"""
with a:
    print('out'); print('err', file=sys.stderr); print('out again')
    display(1, 'two', [3])
# %%
pixel = base64.b64decode(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')
class Figure:
    def _repr_png_(self): return pixel, {'width': 3}
    def __repr__(self): return '<Figure size 640x480 with 1 Axes>'
with a:
    display(Figure()); display(Image(data=pixel))
# %%
with b:
    display(HTML('<b>bold</b>')); display(Markdown('*it*')); display(Latex('$x^2$')); display(JSON({'k': [1, None]}))
    display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'))
    display({'text/plain': 'raw', 'application/x.mine+json': {'a': 1}}, raw=True, metadata={'m': 1})
# %%
with c:
    get_ipython().run_cell('40 + 2')
    print('\x1b[31mred\x1b[0m')
# %%
with c:
    def deep(n): return deep(n - 1) if n else 1 / 0
    deep(2)
# %%
with c:
    print('é 数字 📊', end='')
    print(' more')
print('of the cell')
"""

NESTED: Final = r"""
with a:
    print('a1')
    with b:
        print('b1')
        with c:
            print('c1')
        print('b2')
    print('a2')
print('cell')
# %%
with a:
    with a:
        print('twice')
    print('once')
# %%
with a:
    print('before')
    with b:
        1 / 0
    print('goes on')
# %%
with a:
    with b: print('x'); clear_output(wait=True); print('y')
    print('z')
    clear_output(wait=True)
# %%
for n in range(3):
    with (a, b)[n % 2]:
        print('turn', n)
# %%
@c.capture()
def inner(): print('inner'); display('shown')
@b.capture(clear_output=True)
def outer(): print('outer'); inner(); print('outer again')
outer(); outer()
# %%
with a:
    display(c)
    display(w.IntSlider(description='in a'))
    display(w.VBox([w.Text('t'), w.Button(description='b')]))
"""

CLEARING: Final = r"""
with a: print('1'); clear_output(); print('2'); display(3)
# %%
with a: clear_output(wait=True)
# %%
with b: print('kept'); clear_output(wait=True)
# %%
with b: display('instead')
# %%
for n in range(5):
    with c:
        clear_output(wait=True); print('frame', n); display(n)
# %%
with a: clear_output(wait=True); clear_output(); print('both')
# %%
with b: print('x', end=''); clear_output(wait=True); print('y', file=sys.stderr)
clear_output()
# %%
a.clear_output(); b.clear_output(wait=True)
# %%
with a: print('after')
"""

STREAMS: Final = r"""
with a:
    for n in range(100): print(f'\r{n} %', end='')
    print()
    print('long line\rshort')
# %%
with b:
    print('abc\b\bX'); print('one\ntwo\rT', end=''); print('\b\b', end=''); print('end')
# %%
with c:
    for n in range(5): print(n); print(-n, file=sys.stderr)
# %%
with b: sys.stdout.write('no newline')
# %%
with b: sys.stdout.write(', and on\r'); sys.stdout.flush(); sys.stdout.write('NO')
# %%
with b: print('\r\n\r\r\nx\r'); print('', end=''); print('\x08', end='')
# %%
from tqdm import tqdm
with a:
    for n in tqdm(range(500), mininterval=0, miniters=1, bar_format='{l_bar}{bar:20}{n_fmt}/{total_fmt}'): pass
# %%
with c: print('x' * 5_000); print('y' * 200_000)
"""

THREADS: Final = r"""
def work(name):
    for n in range(20): a.append_stdout(f'{name}{n} ')
t = threading.Thread(target=work, args=('x',)); t.start(); t.join()
# %%
def printing():
    for n in range(50): print('thread', n)
with b:
    t = threading.Thread(target=printing); t.start(); t.join()
    print('main')
# %%
s = w.IntSlider()
@c.capture()
def moved(change): print('moved to', change['new'])
s.observe(moved, 'value')
s.value = 3; s.value = 4
# %%
with b:
    s.value = 5
    print('b goes on')
# %%
with b:
    get_ipython().run_cell_magic('capture', 'caught', 'print(1)')
    print('printed', caught.stdout)
# %%
with b:
    get_ipython().system('echo shell')
# %%
with b:
    print(subprocess.run(['echo', 'piped'], capture_output=True, text=True).stdout)
    for n in range(30): print(n, end=' ', flush=True)
# %%
def f(x, y): print(x, y); display(x * y); return x + y
i = w.interactive(f, x=(0, 9), y=2)
display(i)
i.children[0].value = 7
# %%
x = w.IntSlider(3)
o = w.interactive_output(lambda x: print('x is', x), {'x': x})
display(o)
x.value = 9
"""

ASYNC: Final = r"""
async def work(out, name):
    with out:
        for n in range(3):
            print(name, n, flush=True)
            await asyncio.sleep(0.01)
await work(a, 'alone')
# %%
with b:
    await asyncio.sleep(0.01)
    print('awaited')
    await work(c, 'inside')
    print('back')
"""

BY_HAND: Final = r"""
a.append_stdout('one\n'); a.append_stdout('two\n'); a.append_stderr('bad\n')
a.append_display_data(HTML('<i>three</i>'))
# %%
b.outputs = ({'output_type': 'stream', 'name': 'stdout', 'text': 'set\n'},)
# %%
b.outputs = ({'output_type': 'stream', 'name': 'stdout', 'text': 'first\n'},) + b.outputs
# %%
class Handler(logging.Handler):
    def emit(self, record):
        new = {'output_type': 'stream', 'name': 'stdout', 'text': self.format(record) + '\n'}
        c.outputs = (new,) + c.outputs
log = logging.getLogger('stress'); log.addHandler(Handler()); log.setLevel('INFO'); log.propagate = False
log.info('info'); log.error('error')
try:
    1 / 0
except ZeroDivisionError:
    log.exception('caught')
"""

MIXED: Final = (
    BY_HAND
    + r"""
# %%
a.append_stdout('three\n')
# %%
with a: print('captured')
# %%
a.append_stdout('appended')
# %%
with a: print(' and captured')
# %%
a.append_display_data(1)
# %%
with b: display('x')
# %%
b.outputs = b.outputs[-1:]
# %%
with b: print('behind')
c.outputs = ()
# %%
with c: print('new')
"""
)
"""What was set by hand and what is captured in one list, in cells by turns: in plain Jupyter what the page captures
comes to the kernel after the cell.
"""


DISPLAY_IDS: Final = r"""
with a: display('old', display_id='x')
with b: display('old', display_id='x'); print('beside')
# %%
update_display('new', display_id='x')
"""

SLOW: Final = r"""
import time
with a:
    for n in range(200):
        print('line', n, flush=True); time.sleep(0.01)
"""


def cells(*parts: str) -> list[str]:
    """Return the cells; each part has Output widgets of its own."""
    return [cell.strip() for part in parts for cell in (START + "# %%" + part).split("# %%")]


NOTEBOOKS: Final = {
    "captures": cells(KINDS, NESTED, CLEARING, STREAMS, THREADS, ASYNC),
    "by hand": cells(BY_HAND),
    "by hand and captured": cells(MIXED),
}
