// The report's script: sorting, choices, the filter by sequence with its scatter plot, tables as text. The page can be
// read without it; it asks for nothing from the network and writes text only as text.
'use strict';
(() => {
  document.documentElement.classList.add('scripted');
  const data = JSON.parse(document.getElementById('data').textContent);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  function draw(name, attributes = {}, text = null) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== null) element.textContent = text;
    return element;
  }

  // ---- tables that sort by a column ----
  function cellValue(row, column) {
    const cell = row.cells[column];
    if (!cell) return null;
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = cell.textContent.trim();
    return text === '\u2013' || text === '' ? null : /^-?[\d.]+$/.test(text) ? Number(text) : text.toLowerCase();
  }

  function sortBy(table, column, direction) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row, place) => ({ row, place, value: cellValue(row, column) }));
    rows.sort((a, b) => {
      if (a.value === null || b.value === null)
        // what is missing comes last, either way
        return (a.value === null) - (b.value === null) || a.place - b.place;
      const order = a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
      return order * direction || a.place - b.place;
    });
    body.append(...rows.map((entry) => entry.row));
    all('thead th', table).forEach((head, k) => {
      if (k === column) head.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
    table.sorted = { column, direction };
  }

  function makeSortable(table) {
    all('thead th', table).forEach((head, column) => {
      const button = make('button', { type: 'button' });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const first = [...table.tBodies[0].rows].map((row) => cellValue(row, column)).find((value) => value !== null);
        const now = head.getAttribute('aria-sort');
        const start = typeof first === 'number' ? -1 : 1; // numbers: largest first; names: from a to z
        sortBy(table, column, now === null ? start : now === 'ascending' ? -1 : 1);
      });
    });
  }

  // ---- tables as text ----
  async function copyText(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = make('textarea', { 'aria-hidden': 'true', tabindex: '-1' });
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand('copy');
      area.remove();
      return done;
    }
  }

  function saveText(name, text) {
    const link = make('a', { download: name, href: URL.createObjectURL(new Blob([text], { type: 'text/plain' })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function useTools(bar) {
    const id = bar.dataset.table,
      texts = (data.tables || {})[id],
      said = bar.querySelector('.said');
    if (!texts) return;
    bar.addEventListener('click', async (event) => {
      const button = event.target.closest('button');
      if (!button) return;
      if (button.dataset.save) {
        saveText(`${id}.${button.dataset.save}`, texts[button.dataset.save]);
        said.textContent = 'saved';
      } else {
        said.textContent = (await copyText(texts[button.dataset.copy]))
          ? 'copied'
          : 'this browser does not allow copying';
      }
      setTimeout(() => {
        said.textContent = '';
      }, 2500);
    });
  }

  // ---- one kind of pairs at a time ----
  function useKinds(set) {
    const bar = set.querySelector('.kinds');
    if (!bar) return;
    const show = (kind) => {
      for (const panel of all('.kind', set)) panel.hidden = panel.dataset.kind !== kind;
      for (const chip of all('.chip', bar)) chip.setAttribute('aria-pressed', String(chip.dataset.kind === kind));
    };
    bar.addEventListener('click', (event) => {
      const chip = event.target.closest('.chip');
      if (chip) show(chip.dataset.kind);
    });
    show(bar.querySelector('.chip').dataset.kind);
  }

  // ---- gallery: one picture at a time ----
  function useGallery(gallery) {
    const figures = all('figure', gallery),
      select = gallery.querySelector('select');
    const groups = all('fieldset', gallery),
      chosen = { method: select.value };
    for (const group of groups) chosen[group.dataset.choice] = group.querySelector('.chip').dataset.value;
    const update = () => {
      let shown = 0;
      for (const figure of figures) {
        figure.hidden = Object.keys(chosen).some((key) => figure.dataset[key] !== chosen[key]);
        shown += !figure.hidden;
      }
      for (const group of groups)
        for (const chip of all('.chip', group))
          chip.setAttribute('aria-pressed', String(chip.dataset.value === chosen[group.dataset.choice]));
      gallery.querySelector('.nothing').hidden = shown > 0;
    };
    // A method may lack what is chosen (no descriptors, so no matches): the first kind of picture that it has.
    const settle = () => {
      const mine = figures.filter((figure) => figure.dataset.method === chosen.method);
      if (mine.length && !mine.some((figure) => figure.dataset.shows === chosen.shows))
        chosen.shows = mine[0].dataset.shows;
      for (const chip of all('[data-choice=shows] .chip', gallery))
        chip.hidden = !mine.some((figure) => figure.dataset.shows === chip.dataset.value);
    };
    select.addEventListener('change', () => {
      chosen.method = select.value;
      settle();
      update();
    });
    for (const group of groups)
      group.addEventListener('click', (event) => {
        const chip = event.target.closest('.chip');
        if (!chip) return;
        chosen[group.dataset.choice] = chip.dataset.value;
        update();
      });
    settle();
    update();
  }

  // ---- by sequence ----
  const titleOf = (measure) => measure.title + (measure.unit ? `, ${measure.unit}` : '');
  const kindClass = (kind) => (['illumination', 'viewpoint', 'blur'].includes(kind) ? kind : 'other') + '-point';

  function tickStep(span, wanted) {
    const raw = span / wanted,
      power = 10 ** Math.floor(Math.log10(raw)),
      lead = raw / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  }

  function scatter(place, points, x, y, measure, part) {
    const SIZE = 420,
      LEFT = 58,
      RIGHT = 14,
      TOP = 14,
      BOTTOM = 50,
      values = points.flatMap((p) => [p.x, p.y]);
    place.replaceChildren();
    const title = titleOf(measure);
    if (points.length === 0) {
      place.append(make('p', { class: 'none' }, 'Nothing that is shown has this measure for both methods.'));
      return;
    }
    let low = Math.min(...values),
      high = Math.max(...values);
    if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
    const room = 0.05 * (high - low),
      step = tickStep(high - low, 5);
    low = low >= 0 ? Math.max(0, low - room) : low - room;
    high += room;
    const px = (v) => LEFT + ((v - low) / (high - low)) * (SIZE - LEFT - RIGHT);
    const py = (v) => TOP + ((high - v) / (high - low)) * (SIZE - TOP - BOTTOM);
    const svg = draw('svg', { viewBox: `0 0 ${SIZE} ${SIZE}`, class: 'plot', role: 'group' });
    svg.setAttribute('aria-label', `${title}: ${y} over ${x}, a point for each ${part}`);
    for (let v = Math.ceil(low / step) * step; v <= high; v += step) {
      const label = String(Number(v.toPrecision(4)));
      svg.append(
        draw('path', { class: 'grid', d: `M${px(v)} ${TOP}V${SIZE - BOTTOM}M${LEFT} ${py(v)}H${SIZE - RIGHT}` }),
      );
      svg.append(draw('text', { x: px(v), y: SIZE - BOTTOM + 17, 'text-anchor': 'middle' }, label));
      svg.append(draw('text', { x: LEFT - 6, y: py(v) + 4, 'text-anchor': 'end' }, label));
    }
    svg.append(draw('path', { class: 'axis dash1', d: `M${px(low)} ${py(low)}L${px(high)} ${py(high)}` }));
    svg.append(
      draw('text', { class: 'title', x: (LEFT + SIZE - RIGHT) / 2, y: SIZE - 10, 'text-anchor': 'middle' }, x),
    );
    const across = `rotate(-90 13 ${(TOP + SIZE - BOTTOM) / 2})`;
    svg.append(
      draw(
        'text',
        { class: 'title', x: 13, y: (TOP + SIZE - BOTTOM) / 2, 'text-anchor': 'middle', transform: across },
        y,
      ),
    );
    const told = make('p', { class: 'soft small', 'aria-live': 'polite' });
    const above = points.filter((p) => p.y > p.x).length,
      below = points.filter((p) => p.y < p.x).length;
    const summary = `${points.length} ${part}s: ${y} is higher on ${above}, ${x} on ${below}.`;
    told.textContent = summary;
    for (const p of points) {
      const text = `${p.name}: ${x} ${p.x.toFixed(measure.digits)}, ${y} ${p.y.toFixed(measure.digits)}`;
      const circle = draw('circle', {
        class: `point ${kindClass(p.kind)}`,
        cx: px(p.x),
        cy: py(p.y),
        r: 6,
        tabindex: 0,
        role: 'img',
      });
      circle.setAttribute('aria-label', text);
      circle.append(draw('title', {}, text));
      for (const event of ['focus', 'mouseenter'])
        circle.addEventListener(event, () => {
          told.textContent = text;
        });
      for (const event of ['blur', 'mouseleave'])
        circle.addEventListener(event, () => {
          told.textContent = summary;
        });
      svg.append(circle);
    }
    const legend = make('ul', { class: 'legend' });
    for (const kind of new Set(points.map((p) => p.kind))) {
      const key = draw('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' });
      key.append(draw('circle', { class: kindClass(kind), cx: 6, cy: 6, r: 5 }));
      legend.append(make('li', {}, key, kind || 'pairs'));
    }
    const figure = make('figure', { class: 'chart scatter' });
    figure.append(make('figcaption', {}, make('h5', {}, `${y} over ${x}`), make('span', {}, title)), svg, legend, told);
    place.append(figure);
  }

  function useSequences(part) {
    const set = (data.sets || []).find((entry) => entry.id === part.dataset.set);
    if (!set) return;
    const table = part.querySelector('table'),
      place = part.querySelector('.plot-place');
    const controls = part.querySelector('.controls'),
      body = table.tBodies[0];
    const kinds = [...new Set(set.sequences.map((s) => s.kind))];
    const state = { measure: 0, x: 0, y: Math.min(1, set.methods.length - 1), kinds: new Set(kinds), text: '' };
    const foot = table.createTFoot();

    const render = () => {
      const measure = set.measures[state.measure],
        digits = measure.digits,
        shown = [];
      set.sequences.forEach((s, i) => {
        if (state.kinds.has(s.kind) && s.name.toLowerCase().includes(state.text)) shown.push(i);
      });
      body.replaceChildren(
        ...shown.map((i) => {
          const s = set.sequences[i],
            row = make('tr', {}, make('th', { scope: 'row' }, s.name));
          row.append(make('td', { class: 'text' }, s.kind), make('td', {}, String(s.pairs)));
          set.methods.forEach((_, m) => {
            const value = set.values[i][m][state.measure];
            if (value === null) row.append(make('td', {}, make('span', { class: 'soft' }, '\u2013')));
            else row.append(make('td', { 'data-value': value }, value.toFixed(digits)));
          });
          return row;
        }),
      );
      const last = make('tr', {}, make('th', { scope: 'row' }, `Mean of ${shown.length}`), make('td', {}));
      last.append(make('td', {}, String(shown.reduce((sum, i) => sum + set.sequences[i].pairs, 0))));
      set.methods.forEach((_, m) => {
        const values = shown.map((i) => set.values[i][m][state.measure]).filter((value) => value !== null);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        last.append(make('td', {}, values.length ? mean.toFixed(digits) : '\u2013'));
      });
      foot.replaceChildren(last);
      table.caption.querySelector('span').textContent = `${titleOf(measure)}, a mean for each ${set.part}`;
      if (table.sorted) sortBy(table, table.sorted.column, table.sorted.direction);
      const points = shown
        .map((i) => ({
          name: set.sequences[i].name,
          kind: set.sequences[i].kind,
          x: set.values[i][state.x][state.measure],
          y: set.values[i][state.y][state.measure],
        }))
        .filter((p) => p.x !== null && p.y !== null);
      scatter(place, points, set.methods[state.x], set.methods[state.y], measure, set.part);
    };

    const choice = (label, names, key) => {
      const select = make('select', { 'data-choice': key });
      names.forEach((name, i) => select.append(make('option', { value: i }, name)));
      select.value = String(state[key]);
      select.addEventListener('change', () => {
        state[key] = Number(select.value);
        render();
      });
      return make('label', { class: 'field' }, label, select);
    };
    const titles = set.measures.map(titleOf);
    const search = make('input', { type: 'search', placeholder: 'part of a name' });
    search.addEventListener('input', () => {
      state.text = search.value.trim().toLowerCase();
      render();
    });
    const first = make('div', { class: 'bar' }, choice('Measure', titles, 'measure'));
    first.append(make('label', { class: 'field' }, `Name of ${set.part}s`, search));
    if (kinds.length > 1 && kinds.length < set.sequences.length) {
      const chips = make('fieldset', { class: 'chips' }, make('legend', {}, 'Kinds shown'));
      for (const kind of kinds) {
        const chip = make('button', { class: 'chip', type: 'button', 'aria-pressed': 'true' }, kind || 'other');
        chip.addEventListener('click', () => {
          if (!state.kinds.delete(kind)) state.kinds.add(kind);
          chip.setAttribute('aria-pressed', String(state.kinds.has(kind)));
          render();
        });
        chips.append(chip);
      }
      first.append(chips);
    }
    first.append(choice('Plot across', set.methods, 'x'), choice('Plot up', set.methods, 'y'));
    controls.append(first);
    render();
  }

  all('table.sortable').forEach(makeSortable);
  all('.tools').forEach(useTools);
  all('.set').forEach(useKinds);
  all('.gallery').forEach(useGallery);
  all('.by-sequence').forEach(useSequences);
})();
