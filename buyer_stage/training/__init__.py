"""Training and prediction without SageMaker. Needs scikit-learn and LightGBM."""
