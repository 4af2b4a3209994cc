//! Energy-based models.
