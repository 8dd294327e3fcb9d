//! What a plan has found, beside what chance alone would give.

use std::collections::HashMap;

use lacuna::config::Config;
use lacuna::probe::{Null, PlanProbe, ProbePlan, Site, Sketch, Stat, null};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::report::{count, table};

/// The sketches of a run; in JSON `{plan, not_finite, sites: {site: {statistic: {n, mean, sd, min, max, histogram, null}}}}`.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The plan, in words.
    pub plan: String,
    /// Vectors that were not finite and so not measured.
    pub not_finite: u32,
    /// Every sketch, sites in the order a token meets them.
    #[serde(rename = "sites", serialize_with = "by_site")]
    pub lines: Vec<Line>,
}

/// One statistic at one site.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Where.
    pub site: Site,
    /// What.
    pub stat: Stat,
    /// What was seen.
    pub sketch: Sketch,
    /// The same of Gaussian vectors of that width.
    pub null: Option<Null>,
}

/// Memory for the sketches of `plan` in a model of `config`.
pub fn cells(plan: &ProbePlan, config: &Config) -> Vec<Sketch> {
    vec![Sketch::EMPTY; PlanProbe::cells_len(plan, config.n_layers)]
}

impl Measured {
    /// What `probe` has found in a model of `config`.
    pub fn new(probe: &PlanProbe<'_>, config: &Config) -> Self {
        let cells = probe
            .cells()
            .map(|(site, stat, sketch)| (site, stat, *sketch));
        Self::of(probe.plan(), probe.faulty(), cells, config)
    }

    /// What `plan` has found in a model of `config`: sketches of one site and statistic are merged.
    pub fn of(
        plan: &ProbePlan,
        not_finite: u32,
        sketches: impl Iterator<Item = (Site, Stat, Sketch)>,
        config: &Config,
    ) -> Self {
        let mut lines: Vec<Line> = Vec::new();
        let mut places = HashMap::new();
        for (site, stat, sketch) in sketches {
            let at = *places.entry((site, stat)).or_insert(lines.len());
            match lines.get_mut(at) {
                Some(line) => line.sketch.merge(&sketch),
                None => lines.push(Line {
                    site,
                    stat,
                    sketch,
                    null: null(stat, config.width_of(site.hook)),
                }),
            }
        }
        Self {
            plan: plan.to_string(),
            not_finite,
            lines,
        }
    }

    /// One line a site and statistic that was measured at all.
    pub fn table(&self) -> String {
        let head = [
            "site",
            "statistic",
            "n",
            "mean",
            "sd",
            "least",
            "most",
            "Gaussian",
            "off by",
        ];
        let seen = self.lines.iter().filter(|l| l.sketch.n > 0);
        let rows = seen.map(|l| {
            let s = l.sketch;
            let [null, off] = l.null.map_or([String::new(), String::new()], |null| {
                let off = match null.sd {
                    0.0 => String::new(),
                    _ => format!("{:+.1} sd", null.standardise(s.mean)),
                };
                [figure(null.mean), off]
            });
            let (site, stat) = (l.site.to_string(), l.stat.to_string());
            let [mean, sd, min, max] = [s.mean, s.sd(), s.min, s.max].map(figure);
            [site, stat, count(s.n.into()), mean, sd, min, max, null, off]
        });
        table(head, rows)
    }
}

fn figure(v: f32) -> String {
    if v.abs() < 100.0 {
        format!("{v:.4}")
    } else {
        format!("{v:.1}")
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let s = self.sketch;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("n", &s.n)?;
        for (name, value) in [
            ("mean", s.mean),
            ("sd", s.sd()),
            ("min", s.min),
            ("max", s.max),
        ] {
            map.serialize_entry(name, &value)?;
        }
        map.serialize_entry("histogram", &s.histogram)?;
        let null = self
            .null
            .map(|n| serde_json::json!({ "mean": n.mean, "sd": n.sd }));
        map.serialize_entry("null", &null)?;
        map.end()
    }
}

fn by_site<S: Serializer>(lines: &[Line], to: S) -> Result<S::Ok, S::Error> {
    struct Stats<'a>(&'a [Line]);
    impl Serialize for Stats<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map(self.0.iter().map(|l| (l.stat.name(), l)))
        }
    }
    let sites = lines.chunk_by(|a, b| a.site == b.site);
    to.collect_map(sites.filter_map(|s| Some((s.first()?.site.to_string(), Stats(s)))))
}
