"""Third-party distributions, which tests install and pytest never imports."""

collect_ignore = ["third_party"]
