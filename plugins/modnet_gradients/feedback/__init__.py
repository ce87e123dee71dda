"""Estimators that feed the error back by fixed random matrices."""

from modnet_gradients.feedback.direct_feedback_alignment import DirectFeedbackAlignment
from modnet_gradients.feedback.feedback_alignment import FeedbackAlignment

__all__ = ["DirectFeedbackAlignment", "FeedbackAlignment"]
