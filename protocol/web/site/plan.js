// A plan as Python has it (protocol/task/plan.py, protocol/spec/task.py): checked, priced, and as the document whose
// SHA-256 the chain keeps. The schema comes from the Python classes; integers are BigInt.
import { sha256, toHex, utf8 } from "./bytes.js";

const AMOUNTS = ["bounty", "rate", "stake", "bond"];
// What the hub holds each number to (contracts/TaskRegistry.sol).
const COUNTS = [
  "round_seconds", "commit_seconds", "rounds", "problems_per_round", "group_size", "problem_count", "chunk_tokens",
  "topk", "max_tokens", "challenge_window", "dispute_seconds",
];
const MAX_COUNT = 2n ** 32n - 1n;
const MAX_AMOUNT = 2n ** 96n - 1n;
const MAX_UNITS = 2n ** 24n - 1n;

const byCodePoint = (one, other) => {
  const [left, right] = [Array.from(one), Array.from(other)];
  for (let place = 0; place < Math.min(left.length, right.length); place++) {
    const difference = left[place].codePointAt(0) - right[place].codePointAt(0);
    if (difference) return difference;
  }
  return left.length - right.length;
};

// UTF-8 with sorted keys, no white space and no floats: one value, one digest (protocol/spec/encoding.py).
export function canonicalJson(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value).sort(byCodePoint);
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(",")}}`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

const isKind = (value, kind) =>
  (kind === "integer" && typeof value === "bigint") || (kind === "string" && typeof value === "string") ||
  (kind === "boolean" && typeof value === "boolean");

// The values of one class, completed with defaults; what is wrong goes into `problems`.
function complete(schema, name, values, path, problems) {
  const tell = (key, text) => problems.push({ key: [path, key].filter(Boolean).join("."), text });
  if (typeof values !== "object" || Array.isArray(values)) {
    tell("", "a table is expected");
    return {};
  }
  const fields = schema.classes[name];
  for (const key of Object.keys(values)) {
    if (!fields.some((field) => field.name === key)) tell(key, "unknown key");
  }
  const made = {};
  for (const { name: key, kind, default: fallback, absent } of fields) {
    const value = values[key];
    const inner = [path, key].filter(Boolean).join(".");
    if (value === undefined) {
      if (fallback !== undefined) made[key] = typeof fallback === "number" ? BigInt(fallback) : fallback;
      else if (!absent) tell(key, "missing");
    } else if (schema.classes[kind]) {
      made[key] = complete(schema, kind, value, inner, problems);
    } else if (!isKind(value, kind)) {
      tell(key, kind === "integer" ? "a whole number is expected" : `a ${kind} is expected`);
    } else if (kind === "integer" && (value < 0n || value > BigInt(schema.limits.integer))) {
      tell(key, `0 to ${schema.limits.integer} is allowed`);
    } else {
      made[key] = value;
      const choices = schema.choices[inner];
      if (choices && !choices.includes(value)) tell(key, `one of ${choices.join(", ")} is expected`);
    }
  }
  return made;
}

function environmentOf(schema, reference) {
  if (reference.package) {
    const { prompt_tokens, answer_tokens, turns, reply_tokens } = reference;
    const tokens = reference.tokenizer ? { vocabulary: reference.vocabulary, targets: 0 } : schema.packaged;
    return { ...tokens, prompt_tokens, answer_tokens, turns, reply_tokens };
  }
  return schema.environments.find((one) => one.id === reference.id && BigInt(one.version) === reference.version);
}

// Every rule that a complete plan can break: [broken, key, what is wrong].
function* rules(schema, { terms, spec }) {
  const { limits } = schema;
  for (const name of COUNTS) yield [terms[name] < 1n || terms[name] > MAX_COUNT, `terms.${name}`, "1 to 4294967295 is allowed"];
  yield [terms.exit_margin > MAX_COUNT, "terms.exit_margin", "0 to 4294967295 is allowed"];
  yield [terms.commit_seconds > terms.round_seconds, "terms.commit_seconds", "is longer than a round"];
  yield [terms.rounds > MAX_UNITS, "terms.rounds", `at most ${MAX_UNITS}`];
  yield [terms.problem_count < terms.problems_per_round, "terms.problem_count", "is less than problems_per_round"];
  yield [terms.problems_per_round * terms.group_size > MAX_UNITS, "terms.group_size", "a round has too many rollouts"];
  const amounts = AMOUNTS.filter((name) => !/^[0-9]+$/.test(terms[name]));
  for (const name of amounts) yield [true, `terms.${name}`, "a whole number of the token's smallest unit, as a string"];
  if (!amounts.length) {
    const [bounty, rate, stake, bond] = AMOUNTS.map((name) => BigInt(terms[name]));
    yield [rate < 1n || rate > MAX_AMOUNT, "terms.rate", "is out of bounds"];
    yield [stake < 1n || stake > MAX_AMOUNT, "terms.stake", "is out of bounds"];
    yield [bond < 1n || bond + stake > MAX_AMOUNT, "terms.bond", "is out of bounds"];
    yield [rate > 0n && (bounty === 0n || bounty % rate !== 0n), "terms.bounty", "make it a multiple of terms.rate"];
    yield [rate > 0n && bounty / rate >= 2n ** 40n, "terms.bounty", "pays for too many rollouts"];
  }
  yield [terms.topk < BigInt(limits.topk), "terms.topk", `at least ${limits.topk}`];
  yield [terms.max_staleness > BigInt(limits.staleness), "terms.max_staleness", `at most ${limits.staleness}`];
  yield [terms.chunk_tokens * spec.model.width > BigInt(limits.chunk_elements), "terms.chunk_tokens",
    `times the model's width at most ${limits.chunk_elements}`];
  yield [terms.max_tokens >= spec.model.positions, "spec.model.positions", "too few for the longest completion"];
  yield [spec.sampling.temperature_millionths === 0n, "spec.sampling.temperature_millionths", "is positive"];
  yield* aggregationRules(limits, spec.aggregation);
  yield* recipeRules(limits, spec);
  yield* environmentRules(schema, terms, spec);
}

function* aggregationRules(limits, one) {
  const most = BigInt(limits.term);
  for (const name of ["learning_rate", "momentum"]) {
    const [numerator, denominator] = [one[`${name}_numerator`], one[`${name}_denominator`]];
    yield [numerator > most, `spec.aggregation.${name}_numerator`, `at most ${most}`];
    yield [denominator < 1n || denominator > most, `spec.aggregation.${name}_denominator`, `1 to ${most}`];
  }
  yield [one.momentum_numerator >= one.momentum_denominator, "spec.aggregation.momentum_numerator", "momentum is below one"];
  yield [one.trimmed > 0n && one.rule !== "trimmed-mean", "spec.aggregation.trimmed", "is for rule = trimmed-mean"];
}

function* recipeRules(limits, { recipe, model, length }) {
  const million = BigInt(limits.million);
  yield [recipe.inner_steps === 0n, "spec.recipe.inner_steps", "is positive"];
  yield [recipe.max_exponent_offset > 32n, "spec.recipe.max_exponent_offset", "at most 32"];
  yield [recipe.mask_millionths > million, "spec.recipe.mask_millionths", "is a difference of probabilities"];
  yield [recipe.least_solve_rate_millionths > recipe.most_solve_rate_millionths,
    "spec.recipe.least_solve_rate_millionths", "is above most_solve_rate_millionths"];
  yield [recipe.dpo_beta_millionths === 0n, "spec.recipe.dpo_beta_millionths", "is positive"];
  yield [recipe.lora_scale_millionths === 0n, "spec.recipe.lora_scale_millionths", "is positive"];
  yield [recipe.least_inner_steps > recipe.inner_steps, "spec.recipe.least_inner_steps", "is above inner_steps"];
  yield [recipe.lora_rank > model.width, "spec.recipe.lora_rank", "is above the model's width"];
  if (length) {
    yield [length.num_targets === 0n, "spec.length.num_targets", "is positive"];
    yield [length.least_target === 0n, "spec.length.least_target", "is positive"];
    yield [length.num_targets > 1n && length.target_step === 0n, "spec.length.target_step", "is positive with several targets"];
  }
}

function* environmentRules(schema, terms, spec) {
  const reference = spec.environment;
  const environment = environmentOf(schema, reference);
  const key = "spec.environment";
  yield [environment === undefined, `${key}.id`, "is not built in; name the package that it comes with"];
  if (environment === undefined) return;
  if (reference.package) {
    const version = BigInt(schema.limits.packaged_version);
    yield [!/^[^=]+==.+$/.test(reference.package), `${key}.package`, 'is "name==version"'];
    yield [!reference.id.includes("/"), `${key}.id`, 'of a package is "name/which"'];
    yield [reference.version !== version, `${key}.version`, `of a package is ${version}`];
    yield [reference.prompt_tokens < 2n, `${key}.prompt_tokens`, "is above 1"];
    yield [reference.answer_tokens < 2n, `${key}.answer_tokens`, "is above 1"];
    yield [reference.turns < 1n || reference.turns > BigInt(schema.limits.turns), `${key}.turns`, `1 to ${schema.limits.turns}`];
    yield [(reference.turns > 1n) !== (reference.reply_tokens > 0n), `${key}.reply_tokens`, "is for several turns, and above 0 there"];
    const named = [reference.tokenizer, reference.vocabulary, reference.end_token, reference.padding_token].map(Boolean);
    yield [named.includes(true) && named.includes(false), `${key}.tokenizer`, "comes with vocabulary, end_token and padding_token"];
    yield [reference.tokenizer && !/^[0-9a-f]{64}$/.test(reference.tokenizer), `${key}.tokenizer`, "is a SHA-256, 64 hex digits"];
    yield [!isCanonicalObject(reference.arguments), `${key}.arguments`, "a JSON object, keys sorted, no spaces"];
  }
  const turns = BigInt(environment.turns);
  if (turns > 1n) {
    const longest = turns * BigInt(environment.answer_tokens) + (turns - 1n) * BigInt(environment.reply_tokens);
    yield [terms.max_tokens < longest, "terms.max_tokens", `all turns and replies have ${longest}`];
    yield [spec.recipe.objective === "sft", "spec.recipe.objective", "supervised training shows one answer, and this environment replies"];
    yield [Boolean(spec.length), "spec.length", "counts the tokens of one answer, and this environment replies"];
  }
  const stated = spec.length ? 1n : 0n;
  yield [spec.model.vocabulary !== BigInt(environment.vocabulary), "spec.model.vocabulary", `the environment has ${environment.vocabulary}`];
  yield [BigInt(environment.prompt_tokens) + stated + terms.max_tokens - 1n > spec.model.positions, "spec.model.positions",
    "too few for a prompt and the longest completion"];
  yield [spec.length && spec.length.num_targets > BigInt(environment.targets), "spec.length.num_targets", `at most ${environment.targets}`];
  yield [spec.recipe.objective === "sft" && BigInt(environment.answer_tokens) > terms.max_tokens, "terms.max_tokens",
    "the longest answer of supervised training has more tokens"];
}

function isCanonicalObject(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    // Numbers as BigInt: a float has no canonical form, and a long integer would lose digits.
    return !/[0-9][.eE]/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, '""')) && canonicalJson(value) === text;
  } catch {
    return false;
  }
}

// Values as they stand in the TOML file to a complete plan, or to what is wrong with it.
export function checkPlan(schema, given) {
  const problems = [];
  const values = structuredClone(given);
  const environment = values.spec?.environment;
  if (environment && typeof environment.arguments === "object") environment.arguments = canonicalJson(environment.arguments);
  if (typeof values.spec?.thresholds === "string") {
    problems.push({ key: "spec.thresholds", text: "this page cannot read another file: write its numbers here" });
    delete values.spec.thresholds;
  }
  const plan = complete(schema, schema.root, values, "", problems);
  if (problems.length) return { plan: null, problems };
  for (const [broken, key, text] of rules(schema, plan)) {
    if (broken) problems.push({ key, text });
  }
  return { plan: problems.length ? null : plan, problems };
}

// The document's bytes: fields that have their defaults are left out (protocol/spec/documents.py).
export function specBytes(schema, plan) {
  const plain = (name, values) => Object.fromEntries(schema.classes[name]
    .filter(({ name: key, default: fallback }) => values[key] !== undefined &&
      (fallback === undefined || String(values[key]) !== String(fallback)))
    .map(({ name: key, kind }) => [key, schema.classes[kind] ? plain(kind, values[key]) : values[key]]));
  return utf8(canonicalJson({ kind: schema.kind, ...plain("TaskSpec", plan.spec) }));
}

export async function specDigest(schema, plan) {
  return toHex(await sha256(specBytes(schema, plan)));
}

// As protocol/task/price.py.
export function priceOf(schema, { terms }) {
  const [bounty, rate] = [BigInt(terms.bounty), BigInt(terms.rate)];
  const unitsOfANode = terms.rounds * terms.problems_per_round * terms.group_size;
  const units = bounty / rate;
  return {
    bounty, units, rate,
    units_of_a_node: unitsOfANode,
    nodes: units / unitsOfANode,
    units_left: units % unitsOfANode,
    pay_of_a_node: unitsOfANode * rate,
    stake: BigInt(terms.stake),
    bond: BigInt(terms.bond),
    work_seconds: terms.rounds * terms.round_seconds,
    settled_seconds: terms.challenge_window + terms.dispute_seconds + terms.exit_margin,
    creator_gas: BigInt(Object.values(schema.gas).reduce((sum, gas) => sum + gas, 0)),
  };
}

// TaskParams by the names of their Solidity struct.
export function paramsOf(plan, { creator, token, specDigest: spec, genesisDigest, start, rewardRule, judges }) {
  const { terms } = plan;
  const nothing = { code: "0x" + "0".repeat(40), codeHash: "0x" + "0".repeat(64) };
  const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const numbers = Object.entries(terms).filter(([name]) => name !== "bounty").map(([name, value]) => [camel(name), BigInt(value)]);
  return {
    creator, token, specDigest: spec, genesisDigest, start: BigInt(start),
    ...Object.fromEntries(numbers),
    rewardRule: rewardRule ?? nothing,
    judges: Array.from({ length: 4 }, (_, place) => judges[place] ?? nothing),
  };
}
