"""What the Spark programs on EMR and Glue share: the session and files behind Hadoop's file systems."""
