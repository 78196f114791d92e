"""What the Spark programs on EMR and Glue share: the session and Hadoop's file systems. Needs PySpark."""
