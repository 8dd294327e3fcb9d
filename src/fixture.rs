//! Seeded fixtures.
