-- The reference definition of the features of snapshots, in Athena's dialect.
--
-- It is independent of the Spark code on purpose. After every run, validate_features.py transpiles this text to Spark
-- SQL, runs it on the same input, and compares every value. labeled_set.sql takes its features from here.
--
-- Parameter: :snapshot_dates, string literals such as '20200130', '20200131'.
-- Tables: the five behavior summaries in the current database.
-- Result: one row per snapshot and member, with snapshot_date and then the 159 columns of the ETL's output, in order.

WITH behavior AS (
    SELECT 1 AS window_days, *
    FROM consumer_analytical_profile_member_id_summary_t001
    WHERE snapshot_date_mst_yyyymmdd IN (:snapshot_dates)
    UNION ALL
    SELECT 7 AS window_days, *
    FROM consumer_analytical_profile_member_id_summary_t007
    WHERE snapshot_date_mst_yyyymmdd IN (:snapshot_dates)
    UNION ALL
    SELECT 30 AS window_days, *
    FROM consumer_analytical_profile_member_id_summary_t030
    WHERE snapshot_date_mst_yyyymmdd IN (:snapshot_dates)
    UNION ALL
    SELECT 60 AS window_days, *
    FROM consumer_analytical_profile_member_id_summary_t060
    WHERE snapshot_date_mst_yyyymmdd IN (:snapshot_dates)
    UNION ALL
    SELECT 90 AS window_days, *
    FROM consumer_analytical_profile_member_id_summary_t090
    WHERE snapshot_date_mst_yyyymmdd IN (:snapshot_dates)
),

-- White space around a segment does not count.
trimmed AS (
    SELECT *, regexp_replace(ldp_dominant_segment, '^\s+|\s+$', '') AS segment
    FROM behavior
),

-- Null and NaN count as 0, and a dwell time counts 180 seconds at most. An unknown segment is none of the four.
normalized AS (
    SELECT
        window_days,
        snapshot_date_mst_yyyymmdd,
        member_id,
        CASE WHEN segment = 'for sale' THEN 1 ELSE 0 END AS ldp_dominant_segment_for_sale,
        CASE WHEN segment = 'not for sale' THEN 1 ELSE 0 END AS ldp_dominant_segment_not_for_sale,
        CASE WHEN segment = 'for rent' THEN 1 ELSE 0 END AS ldp_dominant_segment_for_rent,
        CASE WHEN segment = 'no_segment' THEN 1 ELSE 0 END AS ldp_dominant_segment_no_segment,
        coalesce(total_ldp_page_views, 0) AS total_ldp_page_views,
        coalesce(median_ldp_page_views, 0) AS median_ldp_page_views,
        CASE WHEN is_nan(average_ldp_page_views) THEN 0 ELSE coalesce(average_ldp_page_views, 0) END AS average_ldp_page_views,
        least(CASE WHEN is_nan(average_ldp_dwell_time_seconds) THEN 0 ELSE coalesce(average_ldp_dwell_time_seconds, 0) END, 180) AS average_ldp_dwell_time_seconds,
        least(coalesce(total_ldp_dwell_time_seconds, 0), 180) AS total_ldp_dwell_time_seconds,
        least(coalesce(median_ldp_dwell_time_seconds, 0), 180) AS median_ldp_dwell_time_seconds,
        coalesce(total_distinct_listings_viewed, 0) AS total_distinct_listings_viewed,
        coalesce(total_listings_viewed, 0) AS total_listings_viewed,
        coalesce(median_listings_viewed, 0) AS median_listings_viewed,
        CASE WHEN is_nan(average_listings_viewed) THEN 0 ELSE coalesce(average_listings_viewed, 0) END AS average_listings_viewed,
        coalesce(total_searches, 0) AS total_searches,
        coalesce(median_searches, 0) AS median_searches,
        CASE WHEN is_nan(average_searches) THEN 0 ELSE coalesce(average_searches, 0) END AS average_searches,
        least(coalesce(total_srp_dwell_time_seconds, 0), 180) AS total_srp_dwell_time_seconds,
        least(CASE WHEN is_nan(average_srp_dwell_time_seconds) THEN 0 ELSE coalesce(average_srp_dwell_time_seconds, 0) END, 180) AS average_srp_dwell_time_seconds,
        least(coalesce(median_srp_dwell_time_seconds, 0), 180) AS median_srp_dwell_time_seconds,
        least(coalesce(total_lead_dwell_time_seconds, 0), 180) AS total_lead_dwell_time_seconds,
        least(CASE WHEN is_nan(average_lead_dwell_time_seconds) THEN 0 ELSE coalesce(average_lead_dwell_time_seconds, 0) END, 180) AS average_lead_dwell_time_seconds,
        least(coalesce(median_lead_dwell_time_seconds, 0), 180) AS median_lead_dwell_time_seconds,
        coalesce(total_saved_listings, 0) AS total_saved_listings,
        coalesce(total_shared_listings, 0) AS total_shared_listings,
        coalesce(total_saved_searches, 0) AS total_saved_searches,
        coalesce(total_shared_searches, 0) AS total_shared_searches,
        coalesce(total_leads_submitted, 0) AS total_leads_submitted,
        coalesce(submitted_leads_for_rent, 0) AS submitted_leads_for_rent,
        coalesce(submitted_leads_for_sale, 0) AS submitted_leads_for_sale,
        coalesce(submitted_leads_not_for_sale, 0) AS submitted_leads_not_for_sale
    FROM trimmed
),

members AS (
    SELECT
        member_id,
        snapshot_date_mst_yyyymmdd,
        CAST(date_parse(snapshot_date_mst_yyyymmdd, '%Y%m%d') AS DATE) AS snapshot_date
    FROM behavior
    GROUP BY member_id, snapshot_date_mst_yyyymmdd
)

SELECT
    members.snapshot_date,
    members.member_id,
    month(members.snapshot_date) AS snapshot_month,
    day(members.snapshot_date) AS snapshot_day_of_month,
    -- ISO 8601: Monday is 1. January 1, 2018 was a Monday. Day-of-week functions differ between engines.
    date_diff('day', DATE '2018-01-01', members.snapshot_date) % 7 + 1 AS snapshot_day_of_week,
    coalesce(t001.ldp_dominant_segment_for_sale, 0) AS ldp_dominant_segment_for_sale_001,
    coalesce(t001.ldp_dominant_segment_not_for_sale, 0) AS ldp_dominant_segment_not_for_sale_001,
    coalesce(t001.ldp_dominant_segment_for_rent, 0) AS ldp_dominant_segment_for_rent_001,
    coalesce(t001.ldp_dominant_segment_no_segment, 0) AS ldp_dominant_segment_no_segment_001,
    coalesce(t001.total_ldp_page_views, 0) AS total_ldp_page_views_001,
    coalesce(t001.median_ldp_page_views, 0) AS median_ldp_page_views_001,
    coalesce(t001.average_ldp_page_views, 0) AS average_ldp_page_views_001,
    coalesce(t001.average_ldp_dwell_time_seconds, 0) AS average_ldp_dwell_time_seconds_001,
    coalesce(t001.total_ldp_dwell_time_seconds, 0) AS total_ldp_dwell_time_seconds_001,
    coalesce(t001.median_ldp_dwell_time_seconds, 0) AS median_ldp_dwell_time_seconds_001,
    coalesce(t001.total_distinct_listings_viewed, 0) AS total_distinct_listings_viewed_001,
    coalesce(t001.total_listings_viewed, 0) AS total_listings_viewed_001,
    coalesce(t001.median_listings_viewed, 0) AS median_listings_viewed_001,
    coalesce(t001.average_listings_viewed, 0) AS average_listings_viewed_001,
    coalesce(t001.total_searches, 0) AS total_searches_001,
    coalesce(t001.median_searches, 0) AS median_searches_001,
    coalesce(t001.average_searches, 0) AS average_searches_001,
    coalesce(t001.total_srp_dwell_time_seconds, 0) AS total_srp_dwell_time_seconds_001,
    coalesce(t001.average_srp_dwell_time_seconds, 0) AS average_srp_dwell_time_seconds_001,
    coalesce(t001.median_srp_dwell_time_seconds, 0) AS median_srp_dwell_time_seconds_001,
    coalesce(t001.total_lead_dwell_time_seconds, 0) AS total_lead_dwell_time_seconds_001,
    coalesce(t001.average_lead_dwell_time_seconds, 0) AS average_lead_dwell_time_seconds_001,
    coalesce(t001.median_lead_dwell_time_seconds, 0) AS median_lead_dwell_time_seconds_001,
    coalesce(t001.total_saved_listings, 0) AS total_saved_listings_001,
    coalesce(t001.total_shared_listings, 0) AS total_shared_listings_001,
    coalesce(t001.total_saved_searches, 0) AS total_saved_searches_001,
    coalesce(t001.total_shared_searches, 0) AS total_shared_searches_001,
    coalesce(t001.total_leads_submitted, 0) AS total_leads_submitted_001,
    coalesce(t001.submitted_leads_for_rent, 0) AS submitted_leads_for_rent_001,
    coalesce(t001.submitted_leads_for_sale, 0) AS submitted_leads_for_sale_001,
    coalesce(t001.submitted_leads_not_for_sale, 0) AS submitted_leads_not_for_sale_001,
    coalesce(t007.ldp_dominant_segment_for_sale, 0) AS ldp_dominant_segment_for_sale_007,
    coalesce(t007.ldp_dominant_segment_not_for_sale, 0) AS ldp_dominant_segment_not_for_sale_007,
    coalesce(t007.ldp_dominant_segment_for_rent, 0) AS ldp_dominant_segment_for_rent_007,
    coalesce(t007.ldp_dominant_segment_no_segment, 0) AS ldp_dominant_segment_no_segment_007,
    coalesce(t007.total_ldp_page_views, 0) AS total_ldp_page_views_007,
    coalesce(t007.median_ldp_page_views, 0) AS median_ldp_page_views_007,
    coalesce(t007.average_ldp_page_views, 0) AS average_ldp_page_views_007,
    coalesce(t007.average_ldp_dwell_time_seconds, 0) AS average_ldp_dwell_time_seconds_007,
    coalesce(t007.total_ldp_dwell_time_seconds, 0) AS total_ldp_dwell_time_seconds_007,
    coalesce(t007.median_ldp_dwell_time_seconds, 0) AS median_ldp_dwell_time_seconds_007,
    coalesce(t007.total_distinct_listings_viewed, 0) AS total_distinct_listings_viewed_007,
    coalesce(t007.total_listings_viewed, 0) AS total_listings_viewed_007,
    coalesce(t007.median_listings_viewed, 0) AS median_listings_viewed_007,
    coalesce(t007.average_listings_viewed, 0) AS average_listings_viewed_007,
    coalesce(t007.total_searches, 0) AS total_searches_007,
    coalesce(t007.median_searches, 0) AS median_searches_007,
    coalesce(t007.average_searches, 0) AS average_searches_007,
    coalesce(t007.total_srp_dwell_time_seconds, 0) AS total_srp_dwell_time_seconds_007,
    coalesce(t007.average_srp_dwell_time_seconds, 0) AS average_srp_dwell_time_seconds_007,
    coalesce(t007.median_srp_dwell_time_seconds, 0) AS median_srp_dwell_time_seconds_007,
    coalesce(t007.total_lead_dwell_time_seconds, 0) AS total_lead_dwell_time_seconds_007,
    coalesce(t007.average_lead_dwell_time_seconds, 0) AS average_lead_dwell_time_seconds_007,
    coalesce(t007.median_lead_dwell_time_seconds, 0) AS median_lead_dwell_time_seconds_007,
    coalesce(t007.total_saved_listings, 0) AS total_saved_listings_007,
    coalesce(t007.total_shared_listings, 0) AS total_shared_listings_007,
    coalesce(t007.total_saved_searches, 0) AS total_saved_searches_007,
    coalesce(t007.total_shared_searches, 0) AS total_shared_searches_007,
    coalesce(t007.total_leads_submitted, 0) AS total_leads_submitted_007,
    coalesce(t007.submitted_leads_for_rent, 0) AS submitted_leads_for_rent_007,
    coalesce(t007.submitted_leads_for_sale, 0) AS submitted_leads_for_sale_007,
    coalesce(t007.submitted_leads_not_for_sale, 0) AS submitted_leads_not_for_sale_007,
    coalesce(t030.ldp_dominant_segment_for_sale, 0) AS ldp_dominant_segment_for_sale_030,
    coalesce(t030.ldp_dominant_segment_not_for_sale, 0) AS ldp_dominant_segment_not_for_sale_030,
    coalesce(t030.ldp_dominant_segment_for_rent, 0) AS ldp_dominant_segment_for_rent_030,
    coalesce(t030.ldp_dominant_segment_no_segment, 0) AS ldp_dominant_segment_no_segment_030,
    coalesce(t030.total_ldp_page_views, 0) AS total_ldp_page_views_030,
    coalesce(t030.median_ldp_page_views, 0) AS median_ldp_page_views_030,
    coalesce(t030.average_ldp_page_views, 0) AS average_ldp_page_views_030,
    coalesce(t030.average_ldp_dwell_time_seconds, 0) AS average_ldp_dwell_time_seconds_030,
    coalesce(t030.total_ldp_dwell_time_seconds, 0) AS total_ldp_dwell_time_seconds_030,
    coalesce(t030.median_ldp_dwell_time_seconds, 0) AS median_ldp_dwell_time_seconds_030,
    coalesce(t030.total_distinct_listings_viewed, 0) AS total_distinct_listings_viewed_030,
    coalesce(t030.total_listings_viewed, 0) AS total_listings_viewed_030,
    coalesce(t030.median_listings_viewed, 0) AS median_listings_viewed_030,
    coalesce(t030.average_listings_viewed, 0) AS average_listings_viewed_030,
    coalesce(t030.total_searches, 0) AS total_searches_030,
    coalesce(t030.median_searches, 0) AS median_searches_030,
    coalesce(t030.average_searches, 0) AS average_searches_030,
    coalesce(t030.total_srp_dwell_time_seconds, 0) AS total_srp_dwell_time_seconds_030,
    coalesce(t030.average_srp_dwell_time_seconds, 0) AS average_srp_dwell_time_seconds_030,
    coalesce(t030.median_srp_dwell_time_seconds, 0) AS median_srp_dwell_time_seconds_030,
    coalesce(t030.total_lead_dwell_time_seconds, 0) AS total_lead_dwell_time_seconds_030,
    coalesce(t030.average_lead_dwell_time_seconds, 0) AS average_lead_dwell_time_seconds_030,
    coalesce(t030.median_lead_dwell_time_seconds, 0) AS median_lead_dwell_time_seconds_030,
    coalesce(t030.total_saved_listings, 0) AS total_saved_listings_030,
    coalesce(t030.total_shared_listings, 0) AS total_shared_listings_030,
    coalesce(t030.total_saved_searches, 0) AS total_saved_searches_030,
    coalesce(t030.total_shared_searches, 0) AS total_shared_searches_030,
    coalesce(t030.total_leads_submitted, 0) AS total_leads_submitted_030,
    coalesce(t030.submitted_leads_for_rent, 0) AS submitted_leads_for_rent_030,
    coalesce(t030.submitted_leads_for_sale, 0) AS submitted_leads_for_sale_030,
    coalesce(t030.submitted_leads_not_for_sale, 0) AS submitted_leads_not_for_sale_030,
    coalesce(t060.ldp_dominant_segment_for_sale, 0) AS ldp_dominant_segment_for_sale_060,
    coalesce(t060.ldp_dominant_segment_not_for_sale, 0) AS ldp_dominant_segment_not_for_sale_060,
    coalesce(t060.ldp_dominant_segment_for_rent, 0) AS ldp_dominant_segment_for_rent_060,
    coalesce(t060.ldp_dominant_segment_no_segment, 0) AS ldp_dominant_segment_no_segment_060,
    coalesce(t060.total_ldp_page_views, 0) AS total_ldp_page_views_060,
    coalesce(t060.median_ldp_page_views, 0) AS median_ldp_page_views_060,
    coalesce(t060.average_ldp_page_views, 0) AS average_ldp_page_views_060,
    coalesce(t060.average_ldp_dwell_time_seconds, 0) AS average_ldp_dwell_time_seconds_060,
    coalesce(t060.total_ldp_dwell_time_seconds, 0) AS total_ldp_dwell_time_seconds_060,
    coalesce(t060.median_ldp_dwell_time_seconds, 0) AS median_ldp_dwell_time_seconds_060,
    coalesce(t060.total_distinct_listings_viewed, 0) AS total_distinct_listings_viewed_060,
    coalesce(t060.total_listings_viewed, 0) AS total_listings_viewed_060,
    coalesce(t060.median_listings_viewed, 0) AS median_listings_viewed_060,
    coalesce(t060.average_listings_viewed, 0) AS average_listings_viewed_060,
    coalesce(t060.total_searches, 0) AS total_searches_060,
    coalesce(t060.median_searches, 0) AS median_searches_060,
    coalesce(t060.average_searches, 0) AS average_searches_060,
    coalesce(t060.total_srp_dwell_time_seconds, 0) AS total_srp_dwell_time_seconds_060,
    coalesce(t060.average_srp_dwell_time_seconds, 0) AS average_srp_dwell_time_seconds_060,
    coalesce(t060.median_srp_dwell_time_seconds, 0) AS median_srp_dwell_time_seconds_060,
    coalesce(t060.total_lead_dwell_time_seconds, 0) AS total_lead_dwell_time_seconds_060,
    coalesce(t060.average_lead_dwell_time_seconds, 0) AS average_lead_dwell_time_seconds_060,
    coalesce(t060.median_lead_dwell_time_seconds, 0) AS median_lead_dwell_time_seconds_060,
    coalesce(t060.total_saved_listings, 0) AS total_saved_listings_060,
    coalesce(t060.total_shared_listings, 0) AS total_shared_listings_060,
    coalesce(t060.total_saved_searches, 0) AS total_saved_searches_060,
    coalesce(t060.total_shared_searches, 0) AS total_shared_searches_060,
    coalesce(t060.total_leads_submitted, 0) AS total_leads_submitted_060,
    coalesce(t060.submitted_leads_for_rent, 0) AS submitted_leads_for_rent_060,
    coalesce(t060.submitted_leads_for_sale, 0) AS submitted_leads_for_sale_060,
    coalesce(t060.submitted_leads_not_for_sale, 0) AS submitted_leads_not_for_sale_060,
    coalesce(t090.ldp_dominant_segment_for_sale, 0) AS ldp_dominant_segment_for_sale_090,
    coalesce(t090.ldp_dominant_segment_not_for_sale, 0) AS ldp_dominant_segment_not_for_sale_090,
    coalesce(t090.ldp_dominant_segment_for_rent, 0) AS ldp_dominant_segment_for_rent_090,
    coalesce(t090.ldp_dominant_segment_no_segment, 0) AS ldp_dominant_segment_no_segment_090,
    coalesce(t090.total_ldp_page_views, 0) AS total_ldp_page_views_090,
    coalesce(t090.median_ldp_page_views, 0) AS median_ldp_page_views_090,
    coalesce(t090.average_ldp_page_views, 0) AS average_ldp_page_views_090,
    coalesce(t090.average_ldp_dwell_time_seconds, 0) AS average_ldp_dwell_time_seconds_090,
    coalesce(t090.total_ldp_dwell_time_seconds, 0) AS total_ldp_dwell_time_seconds_090,
    coalesce(t090.median_ldp_dwell_time_seconds, 0) AS median_ldp_dwell_time_seconds_090,
    coalesce(t090.total_distinct_listings_viewed, 0) AS total_distinct_listings_viewed_090,
    coalesce(t090.total_listings_viewed, 0) AS total_listings_viewed_090,
    coalesce(t090.median_listings_viewed, 0) AS median_listings_viewed_090,
    coalesce(t090.average_listings_viewed, 0) AS average_listings_viewed_090,
    coalesce(t090.total_searches, 0) AS total_searches_090,
    coalesce(t090.median_searches, 0) AS median_searches_090,
    coalesce(t090.average_searches, 0) AS average_searches_090,
    coalesce(t090.total_srp_dwell_time_seconds, 0) AS total_srp_dwell_time_seconds_090,
    coalesce(t090.average_srp_dwell_time_seconds, 0) AS average_srp_dwell_time_seconds_090,
    coalesce(t090.median_srp_dwell_time_seconds, 0) AS median_srp_dwell_time_seconds_090,
    coalesce(t090.total_lead_dwell_time_seconds, 0) AS total_lead_dwell_time_seconds_090,
    coalesce(t090.average_lead_dwell_time_seconds, 0) AS average_lead_dwell_time_seconds_090,
    coalesce(t090.median_lead_dwell_time_seconds, 0) AS median_lead_dwell_time_seconds_090,
    coalesce(t090.total_saved_listings, 0) AS total_saved_listings_090,
    coalesce(t090.total_shared_listings, 0) AS total_shared_listings_090,
    coalesce(t090.total_saved_searches, 0) AS total_saved_searches_090,
    coalesce(t090.total_shared_searches, 0) AS total_shared_searches_090,
    coalesce(t090.total_leads_submitted, 0) AS total_leads_submitted_090,
    coalesce(t090.submitted_leads_for_rent, 0) AS submitted_leads_for_rent_090,
    coalesce(t090.submitted_leads_for_sale, 0) AS submitted_leads_for_sale_090,
    coalesce(t090.submitted_leads_not_for_sale, 0) AS submitted_leads_not_for_sale_090
FROM members
LEFT JOIN normalized AS t001
    ON t001.snapshot_date_mst_yyyymmdd = members.snapshot_date_mst_yyyymmdd AND t001.member_id = members.member_id AND t001.window_days = 1
LEFT JOIN normalized AS t007
    ON t007.snapshot_date_mst_yyyymmdd = members.snapshot_date_mst_yyyymmdd AND t007.member_id = members.member_id AND t007.window_days = 7
LEFT JOIN normalized AS t030
    ON t030.snapshot_date_mst_yyyymmdd = members.snapshot_date_mst_yyyymmdd AND t030.member_id = members.member_id AND t030.window_days = 30
LEFT JOIN normalized AS t060
    ON t060.snapshot_date_mst_yyyymmdd = members.snapshot_date_mst_yyyymmdd AND t060.member_id = members.member_id AND t060.window_days = 60
LEFT JOIN normalized AS t090
    ON t090.snapshot_date_mst_yyyymmdd = members.snapshot_date_mst_yyyymmdd AND t090.member_id = members.member_id AND t090.window_days = 90
