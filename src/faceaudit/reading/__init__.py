"""Reading what comes from elsewhere: any file as a table, any column as what it means."""
