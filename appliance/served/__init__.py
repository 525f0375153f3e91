"""What others were sent from here, by HTTP and by rsync: counted from what the programs log of it."""
