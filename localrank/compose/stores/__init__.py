"""Where scores are kept between calls."""
