"""Train models and predict with them, without SageMaker. Needs scikit-learn and LightGBM."""
