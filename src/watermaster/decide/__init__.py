"""One file per question; pure: tables and records in, a Decision out."""
