/** For tests: scripts put together at random, and what they must show for given values. */

/** A piece of script, and the text that it stands for. `isWord` tells whether quotes keep it a word when empty. */
interface Piece {
  script: string;
  text: (values: string[]) => string;
}

export interface RandomScript {
  script: string;
  shown: (values: string[]) => string[][];
}

type Random = (below: number) => number;

/** The same numbers for the same seed (mulberry32); `random(n)` gives 0 … n-1. */
export function randomFrom(seed: number): Random {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** Builds scripts of one to four commands that show what they receive. */
export class ScriptMaker {
  readonly random: Random;
  /** The expressions that a script may hold; the values come in their order. */
  readonly expressions: readonly string[];

  constructor(random: Random, expressions: readonly string[]) {
    this.random = random;
    this.expressions = expressions;
  }

  script(): RandomScript {
    const commands = Array.from({ length: 1 + this.random(3) }, () => this.command());
    return {
      script: commands.map(({ script }) => `${script}\n`).join(''),
      shown: values => commands.flatMap(({ shown }) => shown(values)),
    };
  }

  command(): RandomScript {
    const [x, y] = [this.word(2), this.word(2)];
    const both = (values: string[]) => [[x.text(values), y.text(values)]];
    const first = (values: string[]) => [[x.text(values)]];
    const forms: (() => RandomScript)[] = [
      () => ({ script: `show ${x.script} ${y.script} # ${this.expression().script}`, shown: both }),
      () => ({ script: `x=${x.script}; show "$x"`, shown: first }),
      () => ({ script: `a=(${x.script}\n  ${y.script}); show "\${a[@]}"`, shown: both }),
      () => ({ script: `f() { local x=${x.script}; show "$x" ${y.script}; }; f`, shown: both }),
      () => ({
        script: `if [[ ${x.script} == ${x.script} ]]; then show ${y.script}; fi`,
        shown: values => [[y.text(values)]],
      }),
      () => ({
        script: `case ${x.script} in ${x.script}) show ${y.script} ;; esac`,
        shown: values => [[y.text(values)]],
      }),
      () => ({
        script: `for i in ${x.script} ${y.script}; do show "$i"; done`,
        shown: v => [[x.text(v)], [y.text(v)]],
      }),
      () => ({ script: `body <<< ${x.script}`, shown: v => [[`${x.text(v)}\n`]] }),
      () => this.hereDocument(),
    ];
    return this.pick(forms)();
  }

  hereDocument(): RandomScript {
    const content = this.random(2) === 0 ? this.verbatim() : this.many(() => this.inDocument());
    const delimiter = content.isVerbatim ? this.pick(["'E'", '"E"', '\\E']) : 'E';
    return { script: `body <<${delimiter}\n${content.script}.\nE`, shown: v => [[`${content.text(v)}.\n`]] };
  }

  /** Never empty, so that it is a word whatever the values are. */
  word(depth: number): Piece {
    const quoted = this.pick([() => this.double(depth), () => this.single(), () => this.ansi()]);
    const parts = [quoted(), ...this.list(2, () => this.part(depth))];
    return this.join(this.random(2) === 0 ? parts : parts.reverse());
  }

  part(depth: number): Piece {
    return this.pick([
      () => this.literal('abcXYZ019/:.,+%-'),
      () => this.expression(),
      () => this.double(depth),
      () => this.single(),
      () => this.ansi(),
    ])();
  }

  double(depth: number): Piece {
    const content = this.many(() => this.inDouble(depth));
    return { ...content, script: `"${content.script}"` };
  }

  inDouble(depth: number): Piece {
    const inner = depth > 0 ? [() => this.substitution(depth), () => this.fallback()] : [];
    return this.pick([
      () => this.literal(" ab'#;&|<>)*~![]\n\t-"),
      () => this.pick([same('\\"', '"'), same('\\\\', '\\'), same('\\$', '$'), same('\\`', '`')]),
      () => this.expression(),
      ...inner,
    ])();
  }

  inDocument(): Piece {
    return this.pick([
      () => this.literal(' ab\'"#;&|<>()*~!{}[]\n\t-'),
      () => this.pick([same('\\\\', '\\'), same('\\$', '$'), same('\\`', '`'), same('\\"', '\\"')]),
      () => this.expression(),
      () => this.substitution(2),
    ])();
  }

  /** The dot keeps the newlines at the end, which a substitution would take away. */
  substitution(depth: number): Piece {
    const word = this.word(depth - 1);
    return { script: `$(printf %s. ${word.script})`, text: values => `${word.text(values)}.` };
  }

  /** Plain text in the inner quotes: there bash itself stumbles over a `'` or a `<(` further on. */
  fallback(): Piece {
    const content = this.many(() => this.pick([() => this.literal(' ab#;&*~!-'), () => this.expression()])());
    const quote = this.pick(['"', '']);
    return { ...content, script: `\${unset:-${quote}${content.script}${quote}}` };
  }

  single(): Piece {
    const content = this.many(() =>
      this.pick([() => this.literal(' ab"$`\\#;&|<>()*~!{}'), () => this.expression()])(),
    );
    return { ...content, script: `'${content.script}'` };
  }

  ansi(): Piece {
    const escaped = () =>
      this.pick([same("\\'", "'"), same('\\\\', '\\'), same('\\t', '\t'), same('\\x41', 'A')]);
    const content = this.many(() =>
      this.pick([escaped, () => this.literal(' ab"$`#\n'), () => this.expression()])(),
    );
    return { ...content, script: `$'${content.script}'` };
  }

  verbatim(): Piece & { isVerbatim: true } {
    const part = () => this.pick([() => this.literal(' ab"\'$`\\#;&|<>()\n'), () => this.expression()])();
    return { ...this.many(part), isVerbatim: true };
  }

  expression(): Piece {
    const index = this.random(this.expressions.length);
    return { script: this.expressions[index] ?? '', text: values => values[index] ?? '' };
  }

  literal(characters: string): Piece {
    const text = this.list(4, () => characters.charAt(this.random(characters.length))).join('');
    return same(text, text);
  }

  many(part: () => Piece): Piece & { isVerbatim?: true } {
    return this.join(this.list(4, part));
  }

  join(pieces: Piece[]): Piece {
    return {
      script: pieces.map(({ script }) => script).join(''),
      text: values => pieces.map(({ text }) => text(values)).join(''),
    };
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.random(most + 1) }, make);
  }

  pick<T>(choices: T[]): T {
    const choice = choices[this.random(choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
}

function same(script: string, text: string): Piece {
  return { script, text: () => text };
}
