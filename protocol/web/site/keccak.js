// Keccak-256 as Ethereum uses it (the padding of the SHA-3 competition), on pairs of 32-bit halves.

const RATE_BYTES = 136;
const ROUNDS = 24;

// Rotation of each lane, and where pi moves it, by walking (x, y) -> (y, 2x + 3y).
const ROTATIONS = new Uint8Array(25);
const MOVES = new Uint8Array(25);
for (let x = 1, y = 0, step = 0; step < 24; step++) {
  ROTATIONS[x + 5 * y] = (((step + 1) * (step + 2)) / 2) % 64;
  [x, y] = [y, (2 * x + 3 * y) % 5];
}
for (let x = 0; x < 5; x++) {
  for (let y = 0; y < 5; y++) MOVES[x + 5 * y] = y + 5 * ((2 * x + 3 * y) % 5);
}

// Round constants from the linear feedback shift register x^8 + x^6 + x^5 + x^4 + 1.
const CONSTANTS = [];
for (let round = 0, register = 1; round < ROUNDS; round++) {
  let [low, high] = [0, 0];
  for (let power = 0; power < 7; power++) {
    const bit = (1 << power) - 1;
    if (register & 1) {
      if (bit < 32) low |= 1 << bit;
      else high |= 1 << (bit - 32);
    }
    register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
  }
  CONSTANTS.push([low, high]);
}

function permute(low, high) {
  const [sumLow, sumHigh] = [new Int32Array(5), new Int32Array(5)];
  const [nextLow, nextHigh] = [new Int32Array(25), new Int32Array(25)];
  for (let round = 0; round < ROUNDS; round++) {
    for (let x = 0; x < 5; x++) {
      sumLow[x] = low[x] ^ low[x + 5] ^ low[x + 10] ^ low[x + 15] ^ low[x + 20];
      sumHigh[x] = high[x] ^ high[x + 5] ^ high[x + 10] ^ high[x + 15] ^ high[x + 20];
    }
    for (let lane = 0; lane < 25; lane++) {
      const [left, right] = [(lane + 4) % 5, (lane + 1) % 5];
      const one = low[lane] ^ sumLow[left] ^ ((sumLow[right] << 1) | (sumHigh[right] >>> 31));
      const two = high[lane] ^ sumHigh[left] ^ ((sumHigh[right] << 1) | (sumLow[right] >>> 31));
      const turn = ROTATIONS[lane] % 32;
      const [a, b] = ROTATIONS[lane] < 32 ? [one, two] : [two, one];
      nextLow[MOVES[lane]] = turn ? (a << turn) | (b >>> (32 - turn)) : a;
      nextHigh[MOVES[lane]] = turn ? (b << turn) | (a >>> (32 - turn)) : b;
    }
    for (let row = 0; row < 25; row += 5) {
      for (let x = 0; x < 5; x++) {
        const [first, second] = [row + ((x + 1) % 5), row + ((x + 2) % 5)];
        low[row + x] = nextLow[row + x] ^ (~nextLow[first] & nextLow[second]);
        high[row + x] = nextHigh[row + x] ^ (~nextHigh[first] & nextHigh[second]);
      }
    }
    low[0] ^= CONSTANTS[round][0];
    high[0] ^= CONSTANTS[round][1];
  }
}

export function keccak256(bytes) {
  const padded = new Uint8Array((Math.floor(bytes.length / RATE_BYTES) + 1) * RATE_BYTES);
  padded.set(bytes);
  padded[bytes.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const view = new DataView(padded.buffer);
  const [low, high] = [new Int32Array(25), new Int32Array(25)];
  for (let start = 0; start < padded.length; start += RATE_BYTES) {
    for (let lane = 0; lane < RATE_BYTES / 8; lane++) {
      low[lane] ^= view.getInt32(start + 8 * lane, true);
      high[lane] ^= view.getInt32(start + 8 * lane + 4, true);
    }
    permute(low, high);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (let lane = 0; lane < 4; lane++) {
    digest.setInt32(8 * lane, low[lane], true);
    digest.setInt32(8 * lane + 4, high[lane], true);
  }
  return new Uint8Array(digest.buffer);
}
