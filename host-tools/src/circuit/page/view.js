'use strict';
const data = JSON.parse(document.getElementById('circuit').textContent);
const svgNs = 'http://www.w3.org/2000/svg';
const map = document.getElementById('map');
const about = document.getElementById('about');
const column = 120, row = 22, top0 = 46;

function element(parent, name, attributes, text) {
  const made = document.createElementNS(parent.namespaceURI === svgNs || name === 'svg' ? svgNs : parent.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

const tallest = Math.max(1, ...data.sites.map(site => site.nodes.length));
const svg = element(map, 'svg', {width: data.sites.length * column + 40, height: top0 + tallest * row + 20, role: 'img'});
const places = new Map();
data.sites.forEach((site, i) => {
  const x = 60 + i * column;
  element(svg, 'text', {x, y: 16, 'text-anchor': 'middle'}, 'block ' + site.layer);
  element(svg, 'text', {x, y: 30, 'text-anchor': 'middle'}, site.name);
  site.nodes.forEach((node, j) => places.set(node.id, {x, y: top0 + j * row, node, site}));
});

const strongest = Math.max(1e-9, ...data.edges.map(edge => Math.abs(edge.weight)));
function line(from, to, attributes) {
  const a = places.get(from), b = places.get(to);
  const made = element(svg, 'line', {x1: a.x, y1: a.y, x2: b.x, y2: b.y, 'data-from': from, 'data-to': to, ...attributes});
  return made;
}
for (const [from, to] of data.carries) line(from, to, {class: 'carry'});
for (const edge of data.edges) {
  const made = line(edge.from, edge.to, {
    class: 'edge',
    stroke: edge.weight > 0 ? '#0969da' : '#cf222e',
    'stroke-width': 0.6 + 4 * Math.abs(edge.weight) / strongest,
  });
  element(made, 'title', {}, edge.weight.toPrecision(3));
}

let pinned = null;
function near(id) {
  map.classList.toggle('looking', id !== null);
  for (const made of svg.querySelectorAll('line')) {
    made.classList.toggle('near', id !== null && (made.dataset.from === String(id) || made.dataset.to === String(id)));
  }
}
function name(id) {
  const {node, site} = places.get(id);
  return 'block ' + site.layer + ' ' + site.name + ' ' + node.channel;
}
function weights(title, edges, end) {
  if (edges.length === 0) return;
  element(about, 'p', {}, title + ' ' + edges
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, 12)
    .map(edge => name(edge[end]) + ' (' + edge.weight.toPrecision(3) + ')').join(', '));
}
function show(id) {
  about.replaceChildren();
  const {node} = places.get(id);
  element(about, 'b', {}, name(id));
  element(about, 'span', {class: 'note'}, ' when off: ' + node.constant.toPrecision(3));
  weights('reads', data.edges.filter(edge => edge.to === id), 'from');
  weights('is read by', data.edges.filter(edge => edge.from === id), 'to');
  element(about, 'p', {}, node.fires.length ? 'fires on' : 'fires on none of the prompts');
  for (const fired of node.fires) {
    const p = element(about, 'p', {});
    element(p, 'span', {class: 'note'}, fired.value.toPrecision(3) + ' ');
    const code = element(p, 'code', {});
    element(code, 'span', {}, fired.before);
    element(code, 'mark', {}, fired.here);
    element(code, 'span', {}, fired.after);
  }
}
for (const [id, {x, y, node}] of places) {
  const made = element(svg, 'circle', {cx: x, cy: y, r: 7, class: 'node', tabindex: 0, 'data-node': id});
  element(made, 'title', {}, name(id));
  element(svg, 'text', {x: x + 10, y: y + 4}, node.channel);
  const look = () => { if (pinned === null) { near(id); show(id); } };
  const pin = () => {
    const again = pinned === id;
    for (const other of svg.querySelectorAll('.chosen')) other.classList.remove('chosen');
    pinned = again ? null : id;
    if (!again) made.classList.add('chosen');
    near(again ? null : id);
    show(id);
  };
  made.addEventListener('mouseenter', look);
  made.addEventListener('mouseleave', () => { if (pinned === null) near(null); });
  made.addEventListener('focus', look);
  made.addEventListener('click', pin);
  made.addEventListener('keydown', event => { if (event.key === 'Enter') pin(); });
}
