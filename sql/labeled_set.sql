-- The labeled set: features on the days near the survey's answers, with labels, in Athena's dialect.
--
-- This text is the only definition. build_training_data.py transpiles it to Spark SQL, and tools/labeled_set.py creates
-- an Athena table from it. The features are those of features.sql, whose text is filled in below.
--
-- Parameters: snapshot_dates, as for features.sql; features, the text of features.sql; model_features, the columns to
-- select from it.
-- Tables: the five of features.sql and the survey, in the current database.
-- Result: one row per member and snapshot within two days of an answer by the member. buyer_stage is null unless
-- outcome is 'labeled'. Any other outcome says why the row is left out.

WITH features AS (
:features
),

-- Accept both spellings of a stage, and write one. Any other label is unknown.
answers AS (
    SELECT
        member_id,
        CAST(start_date AS DATE) AS start_date,
        CAST(end_date AS DATE) AS end_date,
        CASE regexp_replace(stage_label_1, '^\s+|\s+$', '')
            WHEN 'Dreamer' THEN 'Dreamer'
            WHEN 'Casual Searcher' THEN 'Casual Searcher'
            WHEN 'Casual Explorer' THEN 'Casual Searcher'
            WHEN 'Active Searcher' THEN 'Active Searcher'
            WHEN 'Ready To Transact' THEN 'Ready To Transact'
            WHEN 'Ready to Transact' THEN 'Ready To Transact'
        END AS stage
    FROM survey
),

snapshots AS (
    SELECT CAST(date_parse(day, '%Y%m%d') AS DATE) AS snapshot_date
    FROM UNNEST(ARRAY[:snapshot_dates]) AS days (day)
),

-- An answer labels its own days and the two days before. Features of a later day would reveal what followed the answer.
member_days AS (
    SELECT
        answers.member_id,
        snapshots.snapshot_date,
        count(answers.stage) AS stage_count,
        min(CASE WHEN snapshots.snapshot_date <= answers.end_date THEN answers.stage END) AS stage,
        max(CASE WHEN snapshots.snapshot_date <= answers.end_date THEN answers.stage END) AS other_stage
    FROM answers
    INNER JOIN snapshots
        ON date_diff('day', snapshots.snapshot_date, answers.start_date) <= 2
        AND date_diff('day', answers.end_date, snapshots.snapshot_date) <= 2
    GROUP BY answers.member_id, snapshots.snapshot_date
),

-- A member who chose two stages for one day is not trusted on other days either.
judged AS (
    SELECT
        member_id,
        snapshot_date,
        stage,
        CASE
            WHEN max(CASE WHEN stage <> other_stage THEN 1 ELSE 0 END) OVER (PARTITION BY member_id) = 1
                THEN 'conflicting answers'
            WHEN stage IS NOT NULL THEN 'labeled'
            WHEN stage_count > 0 THEN 'after the answer'
            ELSE 'unknown label'
        END AS outcome
    FROM member_days
)

SELECT
    features.member_id,
    features.snapshot_date,
    :model_features,
    CASE WHEN judged.outcome = 'labeled' THEN judged.stage END AS buyer_stage,
    judged.outcome
FROM features
INNER JOIN judged ON judged.member_id = features.member_id AND judged.snapshot_date = features.snapshot_date
