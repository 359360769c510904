//! Actions that count: images by risk and by scan, and the findings of a selection of images.
//!
//! All of them read sums that the store keeps. Source: `docs/semantics.md`, "Counters".

mod describe_count_not_scanned_image;
mod describe_count_scanned_image;
mod describe_image_risk_level_statistic;
mod describe_image_security_scan_count;
mod describe_image_statistics;

pub(crate) use describe_count_not_scanned_image::DescribeCountNotScannedImage;
pub(crate) use describe_count_scanned_image::DescribeCountScannedImage;
pub(crate) use describe_image_risk_level_statistic::DescribeImageRiskLevelStatistic;
pub(crate) use describe_image_security_scan_count::DescribeImageSecurityScanCount;
pub(crate) use describe_image_statistics::DescribeImageStatistics;
