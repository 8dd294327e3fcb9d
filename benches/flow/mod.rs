//! Control flow of a disassembled function: blocks, who dominates whom, and the loops that contain no other.
//!
//! ```text
//! instructions ──► blocks ──► dominators ──► back edges u → h (h dominates u) ──► bodies ──► innermost
//! ```

use std::collections::{BTreeMap, BTreeSet};

/// One line of `objdump -d --no-show-raw-insn`.
pub(crate) struct Instruction {
    address: u64,
    /// Where a jump goes.
    target: Option<u64>,
    /// The next instruction may follow.
    falls: bool,
    /// It touches a vector register.
    vector: bool,
}

/// The instructions of one function's body.
pub(crate) fn instructions(body: &str) -> Vec<Instruction> {
    let line = |l: &str| {
        let (address, rest) = l.split_once(":\t")?;
        let address = u64::from_str_radix(address.trim(), 16).ok()?;
        let rest = rest
            .trim_start_matches("notrack ")
            .trim_start_matches("bnd ");
        let (word, operands) = rest.split_once(' ').unwrap_or((rest.trim(), ""));
        let operands = operands.trim();
        let jump = word.starts_with('j');
        let target = operands.split(' ').next().filter(|_| jump);
        Some(Instruction {
            address,
            target: target.and_then(|t| u64::from_str_radix(t, 16).ok()),
            falls: !(word == "jmp" || word.starts_with("ret") || word == "ud2"),
            vector: ["%xmm", "%ymm", "%zmm"]
                .iter()
                .any(|r| operands.contains(r)),
        })
    };
    body.lines().filter_map(line).collect()
}

/// Blocks as ranges of instructions, and who may follow whom; block 0 is the entry.
type Graph = (Vec<core::ops::Range<usize>>, Vec<Vec<usize>>);

fn graph(code: &[Instruction]) -> Graph {
    let at: BTreeMap<u64, usize> = code
        .iter()
        .enumerate()
        .map(|(i, c)| (c.address, i))
        .collect();
    let target = |c: &Instruction| c.target.and_then(|t| at.get(&t).copied());
    let mut heads = BTreeSet::from([0]);
    for (i, c) in code.iter().enumerate() {
        heads.extend(target(c));
        if c.target.is_some() || !c.falls {
            heads.insert(i + 1);
        }
    }
    heads.remove(&code.len());
    let starts: Vec<usize> = heads.into_iter().collect();
    let ends = starts.iter().copied().skip(1).chain([code.len()]);
    let blocks: Vec<_> = starts.iter().zip(ends).map(|(&s, e)| s..e).collect();
    let block_at = |i: usize| starts.binary_search(&i).ok();
    let follow = |b: &core::ops::Range<usize>| {
        let last = &code[b.end - 1];
        let falls = Some(b.end).filter(|_| last.falls);
        let next = [target(last), falls].into_iter().flatten();
        next.filter_map(block_at).collect()
    };
    let edges = blocks.iter().map(follow).collect();
    (blocks, edges)
}

/// For every block the set of blocks on every path to it; blocks that nothing reaches keep all.
fn dominators(edges: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
    let all: BTreeSet<usize> = (0..edges.len()).collect();
    let mut dom = vec![all; edges.len()];
    dom[0] = BTreeSet::from([0]);
    loop {
        let mut changed = false;
        for (from, to) in edges.iter().enumerate() {
            for &to in to.iter().filter(|&&t| t != 0) {
                let mut new: BTreeSet<usize> = dom[to].intersection(&dom[from]).copied().collect();
                new.insert(to);
                changed |= new != dom[to];
                dom[to] = new;
            }
        }
        if !changed {
            return dom;
        }
    }
}

/// Blocks from which `tail` is reached without passing `head`, both included.
fn body(edges: &[Vec<usize>], tail: usize, head: usize) -> BTreeSet<usize> {
    let (mut body, mut open) = (BTreeSet::from([head, tail]), vec![tail]);
    while let Some(b) = open.pop() {
        let before = edges.iter().enumerate().filter(|(_, to)| to.contains(&b));
        for (from, _) in before.filter(|_| b != head) {
            if body.insert(from) {
                open.push(from);
            }
        }
    }
    body
}

/// Instructions of each loop that contains no other loop and touches vector registers.
pub(crate) fn innermost(code: &[Instruction]) -> Vec<usize> {
    if code.is_empty() {
        return Vec::new();
    }
    let (blocks, edges) = graph(code);
    let dom = dominators(&edges);
    // Loops by head: several ways back are one loop.
    let mut loops: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (tail, to) in edges.iter().enumerate() {
        for &head in to.iter().filter(|h| dom[tail].contains(h)) {
            loops
                .entry(head)
                .or_default()
                .extend(body(&edges, tail, head));
        }
    }
    let inner = |head: &usize, body: &BTreeSet<usize>| {
        let mut others = loops.keys().filter(|h| *h != head);
        !others.any(|h| body.contains(h))
    };
    let hot = loops.iter().filter(|(h, b)| inner(h, b));
    let bodies = hot.map(|(_, b)| b.iter().flat_map(|&b| &code[blocks[b].clone()]));
    let vector = bodies.filter(|b| b.clone().any(|c| c.vector));
    vector.map(Iterator::count).collect()
}
