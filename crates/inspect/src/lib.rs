//! What is inside an image: package formats, distribution, baseline checks.
