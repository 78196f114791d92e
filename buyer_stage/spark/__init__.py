"""The Spark session and the file access that EMR steps and the Glue job share. Needs PySpark."""
