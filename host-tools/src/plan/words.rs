//! A plan from its words.

use lacuna::probe::{Hook, HookSet, Layers, Positions, ProbePlan, Rule, Stat, StatSet};

/// Why words are no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule without sites or statistics.
    #[error(
        "`{0}` is no rule; write SITES:STATISTICS@POSITIONS, such as *:zero_share,hoyer@every=8"
    )]
    Rule(String),
    /// A site that no model has.
    #[error("`{name}` is no site; use *, blocks.*.HOOK or one of {}", names(Hook::ALL.map(Hook::name)))]
    Site {
        /// As it was written.
        name: String,
    },
    /// Hooks of one rule in different blocks.
    #[error("`{0}` names different blocks; write a rule for each")]
    Blocks(String),
    /// A statistic that there is not.
    #[error("`{name}` is no statistic; use * or some of {}", names(Stat::ALL.map(Stat::name)))]
    Stat {
        /// As it was written.
        name: String,
    },
    /// Tokens that cannot be named so.
    #[error("`{0}` names no tokens; use all, last (of a prompt) or every=N with N up to 65535")]
    Positions(String),
    /// Too many rules.
    #[error(transparent)]
    TooMany(#[from] lacuna::probe::TooManyRules),
}

fn names<const N: usize>(names: [&str; N]) -> String {
    names.join(", ")
}

/// Reads rules with `;` between them, as a plan prints them: `SITES:STATISTICS@POSITIONS`.
///
/// SITES is `*`, or hooks with `|` between them: `blocks.*.HOOK`, `blocks.2.HOOK`, `blocks.0-3.HOOK` or, outside the
/// blocks, `HOOK`. STATISTICS is `*` or names with commas. POSITIONS is `all` (so also without it), `last` or `every=N`.
///
/// # Errors
/// [`Error`], which says what may stand there.
pub fn parse(text: &str) -> Result<ProbePlan, Error> {
    let mut plan = ProbePlan::new();
    for words in text.split(';').map(str::trim).filter(|w| !w.is_empty()) {
        plan.push(rule(words)?)?;
    }
    if plan.rules().is_empty() {
        return Err(Error::Rule(text.to_owned()));
    }
    Ok(plan)
}

fn rule(words: &str) -> Result<Rule, Error> {
    let wrong = || Error::Rule(words.to_owned());
    let (sites, rest) = words.split_once(':').ok_or_else(wrong)?;
    let (stats, positions) = rest.split_once('@').unwrap_or((rest, "all"));
    let (hooks, layers) = self::sites(sites)?;
    Ok(Rule {
        hooks,
        layers,
        stats: self::stats(stats)?,
        positions: self::positions(positions.trim())?,
    })
}

fn sites(words: &str) -> Result<(HookSet, Layers), Error> {
    let (mut hooks, mut layers) = (0, None);
    for name in words.split('|').map(str::trim) {
        let (found, block) = site(name).ok_or_else(|| Error::Site {
            name: name.to_owned(),
        })?;
        hooks |= found.0;
        let Some(block) = block else { continue };
        if *layers.get_or_insert(block) != block {
            return Err(Error::Blocks(words.to_owned()));
        }
    }
    Ok((HookSet(hooks), layers.unwrap_or(Layers::ALL)))
}

/// The hooks of a name, and the blocks if it has any.
fn site(name: &str) -> Option<(HookSet, Option<Layers>)> {
    if name == "*" {
        return Some((HookSet::ALL, Some(Layers::ALL)));
    }
    let Some((blocks, hook)) = name.strip_prefix("blocks.").and_then(|n| n.split_once('.')) else {
        let hook = Hook::ALL.into_iter().find(|h| h.name() == name)?;
        let layers = hook.in_block().then_some(Layers::ALL);
        return Some((HookSet::of(&[hook]), layers));
    };
    let layers = match (blocks, blocks.split_once('-')) {
        ("*", _) => Layers::ALL,
        (_, Some((first, last))) => Layers {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
        },
        (one, None) => Layers::only(one.parse().ok()?),
    };
    let inside = Hook::ALL.into_iter().filter(|h| h.in_block());
    let hooks: Vec<Hook> = inside.filter(|h| hook == "*" || h.name() == hook).collect();
    let some = !hooks.is_empty() && layers.first <= layers.last;
    some.then(|| (HookSet::of(&hooks), Some(layers)))
}

fn stats(words: &str) -> Result<StatSet, Error> {
    let mut set = StatSet::EMPTY;
    for name in words.split(',').map(str::trim) {
        set = match (name, Stat::from_name(name)) {
            ("*", _) => StatSet::ALL,
            (_, Some(stat)) => set.with(stat),
            _ => {
                let name = name.to_owned();
                return Err(Error::Stat { name });
            }
        };
    }
    Ok(set)
}

fn positions(words: &str) -> Result<Positions, Error> {
    let every = |n: &str| n.parse().ok().filter(|n| *n > 0).map(Positions::Every);
    match words {
        "all" => Some(Positions::All),
        "last" => Some(Positions::LastPrompt),
        _ => words.strip_prefix("every=").and_then(every),
    }
    .ok_or_else(|| Error::Positions(words.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_is_printed() {
        for text in [
            "*:zero_share,hoyer@every=8",
            "blocks.*.mlp.hook_post:hoyer,top10@last",
            "blocks.2.attn.hook_q|blocks.2.attn.hook_k:gini@all; hook_embed|ln_final.hook_normalized:rms@last",
            "blocks.0-3.hook_resid_pre|hook_resid_final:kurtosis@every=65535; *:entropy@all",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let all = parse(" * : * ").unwrap();
        assert_eq!(all.rules()[0].stats, StatSet::ALL);
        assert_eq!(all.rules()[0].positions, Positions::All);
        assert_eq!(parse(&all.to_string()).unwrap(), all);
        let blocks = parse("blocks.1.*:l1").unwrap();
        assert_eq!(blocks.rules()[0].hooks.iter().count(), Hook::PER_LAYER);
        assert_eq!(
            parse("attn.hook_q:l1"),
            parse("blocks.*.attn.hook_q:l1@all")
        );
    }

    #[test]
    fn what_is_wrong_is_named_beside_what_may_stand_there() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        assert!(said("").contains("SITES:STATISTICS@POSITIONS"));
        assert!(said("hoyer").starts_with("`hoyer` is no rule"));
        assert!(said("blocks.0.mlp:hoyer").contains("blocks.*.HOOK"));
        assert!(said("blocks.3-1.attn.hook_q:hoyer").contains("no site"));
        assert!(said("blocks.256.attn.hook_q:hoyer").contains("no site"));
        assert!(said("blocks.0.attn.hook_q|blocks.1.attn.hook_q:l1").contains("a rule for each"));
        assert!(said("*:hoyr").contains("hoyer, gini"));
        for positions in ["*:l1@every=0", "*:l1@every=70000", "*:l1@first", "*:l1@"] {
            assert!(said(positions).contains("every=N"), "{positions}");
        }
        assert!(said(&"*:l1;".repeat(9)).contains("at most 8"));
    }
}
