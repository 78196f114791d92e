"""Run receipts: what an execution used and did, as a document, as a page, and compared with another execution."""
