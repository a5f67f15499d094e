"""The code behind the notebooks: one idea a module, every public function used in a lesson."""
