// A worker that solves one challenge: it looks for a counter such that SHA-256 of challenge, full stop and counter begins with so many zero bits.
// The browser's own SHA-256 answers later, one call at a time, and is missing on plain http; this one answers at once.
'use strict';

// The constants of FIPS 180-4 §4.2.2 and §5.3.3: fractions of the cube and square roots of the first primes.
const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
const K = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));
const initial = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
const W = new Int32Array(64);

// compress hashes the block in W onto a state (§6.2.2) and writes the new state into out.
const compress = (state, out) => {
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15];
    const y = W[i - 2];
    W[i] = (W[i - 16] + W[i - 7] + (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10))) | 0;
  }
  let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7]; // taking it apart by pattern is slow
  for (let i = 0; i < 64; i++) {
    const s = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t = (h + s + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
    const r = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const u = (r + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
  }
  out[0] = state[0] + a; out[1] = state[1] + b; out[2] = state[2] + c; out[3] = state[3] + d;
  out[4] = state[4] + e; out[5] = state[5] + f; out[6] = state[6] + g; out[7] = state[7] + h;
};

// put writes a text into W from its beginning.
const put = (text) => {
  W.fill(0, 0, 16);
  for (let i = 0; i < text.length; i++) W[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
};

// solve hashes the challenge, which is one block, once, and one block for each try.
const solve = (challenge, bits) => {
  const middle = new Int32Array(8);
  const sum = new Int32Array(8);
  put(challenge);
  compress(initial, middle);
  for (let counter = 0; ; counter++) {
    const tail = `.${counter}`;
    put(`${tail}\x80`);
    W[15] = 8 * (challenge.length + tail.length);
    compress(middle, sum);
    if (sum[0] >>> (32 - bits) === 0) return challenge + tail;
  }
};

onmessage = ({ data }) => {
  if (data.challenge.length !== 64 || !(data.bits > 0 && data.bits < 32)) throw new Error('not a challenge');
  postMessage(solve(data.challenge, data.bits));
};
