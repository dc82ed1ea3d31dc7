"""Where "works on my machine" ends: what was made is installed and started in bare systems, as a plain user."""
