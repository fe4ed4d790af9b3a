source (path dirname (status filename))/netsuite.fish
