// Folders as `cairn evaluate --out` and `cairn run` leave them, with made-up numbers that the tests know.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

// A plain PNG of one colour, so that a picture has a real size on the page.
export function png(width, height, [r, g, b]) {
  const chunk = (name, bytes) => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), bytes]),
      out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(bytes.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.concat(Array(width).fill(Buffer.from([r, g, b])))]);
  const pixels = deflateSync(Buffer.concat(Array(height).fill(row)));
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

function crc(bytes) {
  if (crc32) return crc32(bytes); // Node 22
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let k = 0; k < 8; k++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}

const measures = [
  { id: 'repeatability', title: 'Repeatability', unit: '', better: 'higher', group: 'detection', headline: true },
  { id: 'localisation', title: 'Localisation error', unit: 'px', better: 'lower', group: 'detection', headline: true },
  { id: 'matching_score', title: 'Matching score', unit: '', better: 'higher', group: 'description', headline: true },
  { id: 'homography@3', title: 'Homography @3', unit: '', better: 'higher', group: 'homography', headline: true },
  { id: 'auc@5', title: 'AUC @5', unit: '', better: 'higher', group: 'homography', headline: false },
  { id: 'points', title: 'Points', unit: '', better: 'none', group: 'counts', headline: false },
  { id: 'detect_ms', title: 'Detection', unit: 'ms', better: 'lower', group: 'time', headline: false },
];
const columns = ['repeatability', 'localisation', 'matching_score', 'homography@3', 'points', 'detect_ms'];
export const sequences = ['i_door', 'i_lamp', 'v_graf', 'v_wall', 'v_bikes'];
const kindOf = (name) => (name === 'v_bikes' ? 'blur' : name.startsWith('i_') ? 'illumination' : 'viewpoint');

// Values without chance: method m, sequence s, pair p.
function row(method, s, p) {
  if (method.level === undefined) return columns.map(() => null);
  const wave = ((s * 7 + p * 3) % 5) / 100,
    matched = method.dimension > 0;
  return [
    method.level + wave - 0.03 * s * (method.slope ?? 0),
    1.5 - method.level + wave,
    matched ? method.level / 2 + wave : null,
    matched ? Number((s + p) % 3 > 0) : null,
    250 + s,
    12.5 + method.level,
  ];
}

const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);

function summaryOf(rows, place) {
  const out = {};
  columns.forEach((id, k) => {
    const values = rows.map((r) => r.methods[place][k]).filter((value) => value !== null);
    if (values.length)
      out[id] = { mean: mean(values), low: mean(values) - 0.02, high: mean(values) + 0.02, count: values.length };
  });
  return out;
}

export const classical = [
  { name: 'harris', role: 'classical', dimension: 0, level: 0.7, slope: 1 },
  { name: 'sift', role: 'classical', dimension: 128, level: 0.52, slope: -0.5 },
  { name: 'random', role: 'chance', dimension: 0, level: 0.11 },
];

// An evaluation of the given methods over the five sequences.
export function evaluation(methods, { protocol = 'recommended', gallery = [] } = {}) {
  const rows = sequences.flatMap((sequence, s) =>
    [2, 3, 4].map((k) => ({
      pair: `${sequence}/1-${k}`,
      sequence,
      kind: kindOf(sequence),
      used: true,
      methods: methods.map((method) => row(method, s, k)),
    })),
  );
  const summary = (place) => {
    const out = {
      all: summaryOf(
        rows.filter((r) => r.kind !== 'blur'),
        place,
      ),
    };
    for (const kind of ['illumination', 'viewpoint', 'blur'])
      out[kind] = summaryOf(
        rows.filter((r) => r.kind === kind),
        place,
      );
    if (methods[place].dimension) out.all['auc@5'] = { mean: 0.4, low: 0.3, high: 0.5, count: rows.length };
    return out;
  };
  const curve = (level) => Array.from({ length: 10 }, (_, k) => Math.min(1, level * (0.4 + 0.1 * k)));
  return {
    version: 2,
    sets: [
      {
        protocol,
        set: 'sequences',
        device: 'llvmpipe',
        driver: 'Mesa',
        parameters: { eps: 3, detect: { height: 240, width: 320 } },
        pairs: { used: rows.length, skipped: 0, illumination: 6, viewpoint: 6, blur: 3 },
        measures,
        row_columns: columns,
        rows,
        methods: methods.map((method, place) => ({
          name: method.name,
          role: method.role,
          weights: method.weights ?? '',
          dimension: method.dimension,
          summary: summary(place),
          ...(method.dimension ? { mma: { all: curve(method.level), viewpoint: curve(method.level - 0.1) } } : {}),
        })),
        comparisons: methods
          .filter((m) => m.role === 'teacher')
          .map((m) => ({
            method: m.name,
            baseline: 'random',
            measure: 'repeatability',
            mean: 0.5,
            low: 0.45,
            high: 0.55,
            count: rows.length,
          })),
        gallery,
      },
    ],
  };
}

export function writeRun(folder, { methods, loss, gallery = [], protocol }) {
  const judge = join(folder, 'judge');
  mkdirSync(join(judge, 'pictures'), { recursive: true });
  mkdirSync(join(folder, 'teacher'), { recursive: true });
  const entries = gallery.map(([method, rank, shows], i) => {
    const file = `pictures/g${i}.png`;
    writeFileSync(join(judge, file), png(96, 40, [40 * (i % 6), 120, 200 - 30 * (i % 6)]));
    return {
      method,
      pair: 'v_graf/1-3',
      rank,
      measure: 'repeatability',
      value: 0.5,
      shows,
      file,
      caption: `${rank} pair v_graf/1-3, ${shows}`,
    };
  });
  writeFileSync(join(judge, 'evaluation.json'), JSON.stringify(evaluation(methods, { gallery: entries, protocol })));
  writeFileSync(
    join(folder, 'recipe.yaml'),
    'name: made\nseed: 7\nstages:\n  - name: teacher\n    kind: superpoint\n  - name: judge\n    kind: evaluate\n',
  );
  writeFileSync(
    join(folder, 'teacher', 'stage.json'),
    JSON.stringify({
      kind: 'superpoint',
      seconds: 75,
      device: 'llvmpipe',
      driver: 'Mesa',
      seed: 7,
      settings: { steps: 200 },
    }),
  );
  const lines = Array.from({ length: 200 }, (_, i) =>
    JSON.stringify({ step: i + 1, loss: loss / (1 + i / 50), rate: 0.001 }),
  );
  writeFileSync(join(folder, 'teacher', 'metrics.jsonl'), lines.join('\n') + '\n');
}
