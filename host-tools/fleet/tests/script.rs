//! `--print-sql` stands alone: a bare DataFusion context, as in Ballista's executors, gives the same answers.

mod fleet;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};
use fleet::{Invented, attempt};
use futures::TryStreamExt;
use lacuna_fleet::cohorts::Cohorts;
use lacuna_fleet::demo::Plan;
use lacuna_fleet::engine::Fleet;
use lacuna_fleet::query;

#[test]
fn a_bare_context_answers_the_script() {
    let invented = Invented::new(&Plan {
        devices: 6,
        days: 3,
        hours: 6,
        seed: 11,
    });
    let questions = [
        query::groups(),
        query::sites(),
        query::devices(),
        query::course(86_400_000),
        query::slopes(86_400_000),
        query::answers(86_400_000),
    ];
    let settings = invented.settings(true);
    let view = query::telemetry(&settings.filter, true);
    let cohorts = Cohorts::read(&invented.path("cohorts.csv")).expect("cohorts");
    let bare = async {
        // One partition, as in ours: sums meet in the same order and the figures agree to the last digit.
        let context =
            SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        let head = query::script(&settings.folder, &cohorts, &view, &[]).expect("a script");
        for statement in head.split(";\n").filter(|s| !s.trim().is_empty()) {
            let frame = context
                .sql(statement)
                .await
                .unwrap_or_else(|e| panic!("{statement}: {e}"));
            frame.collect().await.expect("it runs");
        }
        let mut tables = Vec::new();
        for question in &questions {
            let batches = context
                .sql(question)
                .await
                .expect("a plan")
                .collect()
                .await
                .expect("an answer");
            tables.push(
                pretty_format_batches(&batches)
                    .expect("a table")
                    .to_string(),
            );
        }
        Ok(tables)
    };
    let ours = async {
        let fleet = Fleet::open(&settings).await?;
        let mut tables = Vec::new();
        for question in &questions {
            let batches: Vec<_> = fleet
                .stream(question)
                .await?
                .try_collect()
                .await
                .expect("an answer");
            tables.push(
                pretty_format_batches(&batches)
                    .expect("a table")
                    .to_string(),
            );
        }
        Ok(tables)
    };
    let (bare, ours) = (attempt(bare).expect("bare"), attempt(ours).expect("ours"));
    for (a, b) in bare.iter().zip(&ours) {
        assert!(a.lines().count() > 4, "{a}");
        assert_eq!(a, b);
    }
}
