"""svg.py FILE EXPRESSION [NAME=JSON_FILE...]: the SVG is well formed, nothing of it lies outside, no two words overlap, no line
strikes one through, and the expression is true of its elements (`of(TAG)`), of all its words (`words`), its tooltips (`tips`)
and the JSON by name."""
import json
import sys
import xml.etree.ElementTree as tree

root = tree.parse(sys.argv[1]).getroot()
width, height = float(root.get('width')), float(root.get('height'))


def of(tag):
    return [e for e in root.iter('{http://www.w3.org/2000/svg}' + tag)]


words = [e.text or '' for e in of('text')]
tips = [e.text or '' for e in of('title')[1:]]
for e in of('rect')[1:]:
    assert 0 <= float(e.get('x')) and float(e.get('x')) + float(e.get('width')) <= width, e.attrib
    assert 0 <= float(e.get('y')) and float(e.get('y')) + float(e.get('height')) <= height, e.attrib
for e in of('polyline') + of('polygon'):
    for point in e.get('points').split():
        x, y = map(float, point.split(','))
        assert -0.01 <= x <= width + 0.01 and -0.01 <= y <= height + 0.01, (point, width, height)
boxes = []
for e in of('text'):
    assert 0 <= float(e.get('x')) <= width and 0 <= float(e.get('y')) <= height, e.attrib
    size = float(e.get('font-size'))
    long = 0.58 * size * len(e.text or '')
    x = float(e.get('x')) - {'start': 0, 'middle': long / 2, 'end': long}[e.get('text-anchor')]
    assert -1 <= x and x + long <= width + 1, ('outside', e.attrib, e.text)
    boxes.append((x, float(e.get('y')) - 0.7 * size, x + long, float(e.get('y')), e.text))
for i, a in enumerate(boxes):
    for b in boxes[i + 1:]:
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], ('overlap', a, b)


def strikes(line, box):
    """Whether the line comes through the middle of the word."""
    x, y = [float(line.get(name)) for name in ('x1', 'x2')], [float(line.get(name)) for name in ('y1', 'y2')]
    low, high = 0.0, 1.0
    for (begin, end), near, far in ((x, box[0] + 1, box[2] - 1), (y, box[1] + 1, box[3] - 1)):
        if begin == end:
            if not near < begin < far:
                return False
            continue
        ends = sorted(((near - begin) / (end - begin), (far - begin) / (end - begin)))
        low, high = max(low, ends[0]), min(high, ends[1])
    return low < high


for e in of('line'):
    # The grid lies behind all.
    for box in boxes if e.get('stroke') != '#E6E6E6' else []:
        assert not strikes(e, box), ('struck through', e.attrib, box)
data = {}
for argument in sys.argv[3:]:
    name, path = argument.split('=', 1)
    with open(path) as file:
        data[name] = json.load(file)
assert eval(f'({sys.argv[2]})', {**globals(), **data}), (words, tips)
