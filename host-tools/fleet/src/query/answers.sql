-- What monitors answered in every window of time.
SELECT
    model, cohort,
    received_ms / $width * $width AS start_ms,
    count(*) AS windows,
    count(DISTINCT device) AS devices,
    count(*) FILTER (WHERE answer = 'ok') AS ok,
    count(*) FILTER (WHERE answer = 'unfamiliar') AS unfamiliar,
    count(*) FILTER (WHERE answer = 'drifting') AS drifting,
    count(*) FILTER (WHERE answer = 'faulty') AS faulty
FROM telemetry
WHERE kind = 'window' AND received_ms IS NOT NULL
GROUP BY model, cohort, received_ms / $width
ORDER BY model, cohort, start_ms
