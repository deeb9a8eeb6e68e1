//! The answer to the poller of the function's queue.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse};

/// The answer for a batch, which names by id the messages that the queue must deliver again.
/// See <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
pub fn batch_response(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    response
}

fn failure(id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    failure
}
