"""What every room needs: database, clock, money, dates, errors, jobs, audit. No Flask, no domain."""
