"""The command line: each command is a few lines over one public function, loaded when it is called."""
