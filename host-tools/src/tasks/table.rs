//! The twenty tasks as templates; `template.rs` says how to read them.
//!
//! # Invariants
//! - No snippet, here or in `documents.rs`, makes the wrong answer of a task a right one: conditions of `if` end with a
//!   number or a name that `:` follows, `while` has a bare name, a parameter after one with a default has one too.
//! - The last two templates of a task are held out.

use super::Task::{self, *};

/// What is known of a task.
pub(super) struct Entry {
    pub(super) task: Task,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) templates: &'static [&'static str],
}

const fn entry(
    task: Task,
    name: &'static str,
    description: &'static str,
    templates: &'static [&'static str],
) -> Entry {
    Entry {
        task,
        name,
        description,
        templates,
    }
}

/// Templates of a task that are held out, its last.
pub(super) const HELD_OUT: usize = 2;

/// The tasks in the order of the paper's table 1.
pub(super) const TABLE: [Entry; 20] = [
    entry(
        SingleDoubleQuote,
        "single_double_quote",
        "a string is closed by the quote that opened it: ' or \"",
        &[
            "print(«'¦\"»$s $t§«')¦\")»",
            "$v = $f(«'¦\"»$s§«', $n)¦\", $n)»",
            "$v.append(«'¦\"»$s $t§«')¦\")»",
            "$v = [«'¦\"»$s§«', '$t']¦\", \"$t\"]»",
            "raise ValueError(«'¦\"»$s is $t§«')¦\")»",
            "$f($v, «'¦\"»$s $t§«')¦\")»",
            "$v[«'¦\"»$s§«'] = $n¦\"] = $n»",
        ],
    ),
    entry(
        BracketCounting,
        "bracket_counting",
        "after the first ] a nested list needs another, a flat one does not",
        &[
            "$v = [«¦[»$L]§«\nprint($v)¦]»",
            "$f([«¦[»$L]§«)¦])»",
            "return [«¦[»$L]§«\n¦]»",
            "$v = {\"$s\": [«¦[»$L]§«}¦]}»",
            "$v.append([«¦[»$L]§«)¦])»",
            "$v += [«¦[»$L]§«\n¦]»",
        ],
    ),
    entry(
        SetOrString,
        "set_or_string",
        "a name that was bound to set() is followed by .add, one bound to \"\" by +=",
        &[
            "$v = «set()¦\"\"»\nfor $i in $w:\n    $v§«.add($i)¦ += $i»",
            "$v = «set()¦\"\"»\n$w = $n\n$v§«.add($w)¦ += $f($w)»",
            "def $f($w):\n    $v = «set()¦\"\"»\n    for $i in $w:\n        $v§«.add($i)\n    return $v¦ += $i\n    return $v»",
            "$v = «set()¦\"\"»\nwhile $w:\n    $v§«.add($w.pop())¦ += $w.pop()»",
            "$v = «set()¦\"\"»\n$v§«.add(\"$s\")¦ += \"$s\"»",
            "$v = «set()¦\"\"»\nif $w > $n:\n    $v§«.add($w)¦ += $w»",
        ],
    ),
    entry(
        SetOrStringFixedvarname,
        "set_or_string_fixedvarname",
        "the same, with one name in all prompts, current",
        &[
            "current = «set()¦\"\"»\nfor $i in $w:\n    current§«.add($i)¦ += $i»",
            "current = «set()¦\"\"»\n$w = $n\ncurrent§«.add($w)¦ += $f($w)»",
            "def $f($w):\n    current = «set()¦\"\"»\n    for $i in $w:\n        current§«.add($i)\n    return current¦ += $i\n    return current»",
            "current = «set()¦\"\"»\nwhile $w:\n    current§«.add($w.pop())¦ += $w.pop()»",
            "current = «set()¦\"\"»\ncurrent§«.add(\"$s\")¦ += \"$s\"»",
            "current = «set()¦\"\"»\nif $w > $n:\n    current§«.add($w)¦ += $w»",
        ],
    ),
    entry(
        WithAs,
        "with_as",
        "open(…) is followed by ` as` after with, by the end of the line in an assignment",
        &[
            "«with ¦$v = »open(\"$p.txt\")§« as $i:\n    print($i.read())¦\nprint($v.read())»",
            "«with ¦$v = »open($w)§« as $i:\n    $f($i)¦\n$f($v)»",
            "def $f($w):\n    «with ¦$v = »open($w)§« as $i:\n        return $i.read()¦\n    return $v.read()»",
            "«with ¦$v = »open(\"$p.csv\")§« as $i:\n    $u = $f($i)¦\n$u = $f($v)»",
            "for $j in $w:\n    «with ¦$v = »open($j)§« as $i:\n        $f($i)¦\n    $f($v)»",
        ],
    ),
    entry(
        WithOpen,
        "with_open",
        "the mode of open is r or w, by what the file or the function is for",
        &[
            "with open(\"«input¦output»_$p.txt\", \"§«r\") as f:\n    $v = f.read()¦w\") as f:\n    f.write($v)»",
            "«source¦target» = open(\"$p.txt\", \"§«r\")¦w\")»",
            "def «read¦write»_$s($v):\n    with open($v, \"§«r\") as f:\n        return f.read()¦w\") as f:\n        f.write($v)»",
            "# «read¦write» $s\n$v = open(\"$p.csv\", \"§«r\")¦w\")»",
            "def «read¦write»_$s($w):\n    $v = open($w, \"§«r\")\n    return $v.read()¦w\")\n    $v.write($w)»",
            "«source¦target» = open(\"«input¦output»_$p.txt\", \"§«r\")¦w\")»",
        ],
    ),
    entry(
        ForWhile,
        "for_while",
        "the name after for is followed by ` in`, the one after while by a colon",
        &[
            "«for¦while» $i§« in $w:\n    $f($i)¦:\n    $i = $f($i)»",
            "«for¦while» $v§« in $w:\n    print($v)¦:\n    $v -= $n»",
            "def $f($w):\n    «for¦while» $i§« in $w:\n        print($i)¦:\n        $i = $f($w)»",
            "$w = $f($n)\n«for¦while» $i§« in $w:\n    print($i)¦:\n    print($w)»",
            "if $u > $n:\n    «for¦while» $i§« in $w:\n        $f($i)¦:\n        $f($w)»",
        ],
    ),
    entry(
        ElseElif,
        "else_elif",
        "else is followed by a colon, elif by a condition",
        &[
            "if $v > $n:\n    $w = $m\n«else¦elif»§«:\n    $w = $k¦ $v > $k:\n    $w = $n»",
            "if $v == True:\n    print($w)\n«else¦elif»§«:\n    print($u)¦ $w == True:\n    print($u)»",
            "def $f($v):\n    if $v > $n:\n        return $m\n    «else¦elif»§«:\n        return $k¦ $v > $k:\n        return $n»",
            "if $v == $n:\n    $f($w)\n«else¦elif»§«:\n    $f($u)¦ $v == $m:\n    $f($u)»",
            "for $i in $w:\n    if $i > $n:\n        print($i)\n    «else¦elif»§«:\n        print($w)¦ $i > $m:\n        print($w)»",
        ],
    ),
    entry(
        FstringBrace,
        "fstring_brace",
        "in an f-string a name follows {, in a plain one for format a } does",
        &[
            "$v = $n\nprint(«f¦»\"$s {§«$v}\")¦}\".format($v))»",
            "def $f($v):\n    print(«f¦»\"$s {§«$v}\")¦}\".format($v))»",
            "for $i in $w:\n    print(«f¦»\"$s $t {§«$i}\")¦}\".format($i))»",
            "$v = $f($n)\n$w = «f¦»\"$s {§«$v} $t\"¦} $t\".format($v)»",
            "def $f($v):\n    return «f¦»\"$s {§«$v}\"¦}\".format($v)»",
        ],
    ),
    entry(
        IfTernary,
        "if_ternary",
        "the condition of an if line ends with a colon, that of a conditional value with ` else`",
        &[
            "«if¦$w = $m if» $v > $n§«:\n    $w = $k¦ else $k»",
            "def $f($v):\n    «if¦return $m if» $v > $n§«:\n        return $k¦ else $k»",
            "«if¦print($w) if» $v == $n§«:\n    print($w)¦ else print($u)»",
            "for $i in $w:\n    «if¦$u = $m if» $i > $n§«:\n        $u = $k¦ else $k»",
            "«if¦$w = $f($v) if» $v < $n§«:\n    $w = $k¦ else $k»",
        ],
    ),
    entry(
        IfEquals,
        "if_equals",
        "a first = is followed by another in a condition, by a space in an assignment",
        &[
            "«if ¦»$v =§«= $n:\n    $f($w)¦ $n\n$f($v)»",
            "«assert ¦»$v =§«= $n¦ $n»",
            "def $f($v):\n    «if ¦»$v =§«= $n:\n        return $w¦ $n\n    return $v»",
            "for $i in $w:\n    «if ¦»$v =§«= $i:\n        print($i)¦ $i»",
            "$w = $n\n«if ¦»$v =§«= $w:\n    print($w)¦ $w»",
        ],
    ),
    entry(
        VarIf,
        "var_if",
        "True or False ends a condition with a colon, an assignment with the line",
        &[
            "«if $v ==¦$v =» True§«:\n    $f($v)¦\n$f($v)»",
            "«if $v ==¦$v =» False§«:\n    print($w)¦\nprint($w)»",
            "def $f($v):\n    «if $v ==¦$w =» True§«:\n        return $n¦\n    return $w»",
            "for $i in $u:\n    «if $i ==¦$v =» False§«:\n        print($i)¦\n    print($i)»",
            "$w = $n\n«if $v ==¦$v =» True§«:\n    print($w)¦\nprint($w)»",
        ],
    ),
    entry(
        VarSwap,
        "var_swap",
        "x, y = y, is completed by x; the first byte of the name decides",
        &[
            "«$v, $w = $w¦$w, $v = $v», §«$v¦$w»",
            "if $u > $n:\n    «$v, $w = $w¦$w, $v = $v», §«$v¦$w»",
            "$v = $n\n$w = $m\n«$v, $w = $w¦$w, $v = $v», §«$v¦$w»",
            "def $f($v, $w):\n    «$v, $w = $w¦$w, $v = $v», §«$v\n    return $v¦$w\n    return $w»",
            "for $i in $u:\n    «$v, $w = $w¦$w, $v = $v», §«$v¦$w»",
            "while $u:\n    «$v, $w = $w¦$w, $v = $v», §«$v¦$w»",
        ],
    ),
    entry(
        BracketBrace,
        "bracket_brace",
        "the first string in a {dict} is followed by a colon, in a [list] by a comma",
        &[
            "$v = «{¦[»\"$s\"§«: $n, \"$t\": $m}¦, \"$t\"]»",
            "$f(«{¦[»\"$s\"§«: $n})¦, \"$t\"])»",
            "return «{¦[»\"$s\"§«: \"$t\"}¦, \"$t\"]»",
            "$v.append(«{¦[»\"$s\"§«: $n})¦, \"$t\"])»",
            "$v = $w or «{¦[»\"$s\"§«: $n}¦, \"$t\"]»",
        ],
    ),
    entry(
        IndentFor,
        "indent_for",
        "the line after a for line is indented, the one after an assignment is not",
        &[
            "«for $i in $w:¦$i = $w»\n§«    $f($i)¦$f($i)»",
            "«for $i in $w:¦$v = $w»\n§«    print($w)¦print($w)»",
            "def $f($w):\n    «for $i in $w:¦$i = $w»\n    §«    print($i)¦print($i)»",
            "«for $i in $w:¦$i = $f($w)»\n§«    $v = $i¦$v = $i»",
            "if $v > $n:\n    «for $i in $w:¦$i = $w»\n    §«    $f($i)¦$f($i)»",
        ],
    ),
    entry(
        WhileReturnTrue,
        "while_return_true",
        "while True is followed by a colon, return True by the end of the line",
        &[
            "def $f($v):\n    «while¦return» True§«:\n        $f($v)¦\n»",
            "if $v > $n:\n    «while¦return» True§«:\n        $f($v)¦\n»",
            "for $i in $w:\n    if $i == $n:\n        «while¦return» True§«:\n            print($i)¦\n»",
            "def $f($v, $w):\n    $v = $w\n    «while¦return» True§«:\n        print($v)¦\n»",
            "if $v == True:\n    «while¦return» True§«:\n        print($v)¦\n»",
        ],
    ),
    entry(
        LambdaFunc,
        "lambda_func",
        "the name after lambda is followed by a colon, the one after def by (",
        &[
            "«$v = lambda¦def» $i§«: $i + $n¦($w):\n    return $w»",
            "«$v = map(lambda¦def» $a§«: $a + $n, $w)¦($w):\n    return $w»",
            "«$f(lambda¦def» $i§«: $i)¦($v, $w):\n    return $v»",
            "«$v.sort(key=lambda¦def» $a§«: $a + $n)¦($v):\n    return $v»",
            "«return lambda¦def» $i§«: $i * $n¦($w):\n    return $w * $n»",
        ],
    ),
    entry(
        EnumerateRange,
        "enumerate_range",
        "two loop variables run over enumerate, one over range",
        &[
            "for $i«, $j¦» in §«enumerate($w):\n    print($i, $j)¦range($n):\n    print($i)»",
            "def $f($w):\n    for $i«, $j¦» in §«enumerate($w):\n        print($i, $j)¦range($w):\n        print($i)»",
            "$v = [$i for $i«, $j¦» in §«enumerate($w)]¦range($n)]»",
            "while $u:\n    for $i«, $j¦» in §«enumerate($w):\n        $f($j)¦range($n):\n        $f($i)»",
            "if $v > $n:\n    for $i«, $j¦» in §«enumerate($w):\n        $f($j)¦range($m):\n        $f($i)»",
        ],
    ),
    entry(
        FinalKwarg,
        "final_kwarg",
        "a parameter after one with a default has one too",
        &[
            "def $f($a«=None¦», $b§«=None):\n    return $b¦):\n    return $b»",
            "def $f($a«=$n¦», $b§«=$m):\n    return $a¦):\n    return $a»",
            "class $C:\n    def __init__(self, $a«=None¦», $b§«=None):\n        self.$a = $a¦):\n        self.$a = $a»",
            "def $f($v, $a«=None¦», $b§«=None):\n    return $v¦):\n    return $v»",
            "def $f($a«=None¦», $b«=None¦», $c§«=None):\n    return $c¦):\n    return $c»",
        ],
    ),
    entry(
        ClassInit,
        "class_init",
        "self.x = is completed by x; the first byte of the name decides",
        &[
            "class $C:\n    def __init__(self, $a, $b):\n        self.«$a¦$b» = §«$a¦$b»",
            "class $C:\n    def __init__(self, $a, $b, $c):\n        self.«$a¦$c» = §«$a¦$c»",
            "def set_$s(self, $a, $b):\n    self.«$a¦$b» = §«$a¦$b»",
            "class $C($D):\n    def __init__(self, $a, $b):\n        self.«$a¦$b» = §«$a¦$b»",
            "def $f(self, $a, $b, $c):\n    self.«$b¦$c» = §«$b¦$c»",
        ],
    ),
];

/// Prompts whose cue decides nothing: a word of a string or a comment is made to choose between two bytes that may both
/// follow.
pub(super) const NONSENSE: [&str; 3] = [
    "# «river¦stone» $t\n$f($v§«)¦, $w)»",
    "print(\"«river¦stone»\")\n$v = $f($w§«)¦, $u)»",
    "$v = \"«river¦stone»\"\n$w = $f($u§«)¦, $n)»",
];
