"""A line of jobs as the service sees it: values and protocols. Owns no thread."""
