//! Actions about images as repositories hold them.

mod list_image_risk;

pub(crate) use list_image_risk::ListImageRisk;
