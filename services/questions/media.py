"""Which files a question shows or plays."""

from services.questions.content import AnyContent, ListeningSet, QuestionSet


def files_of(content: AnyContent) -> tuple[str, ...]:
    """Return the ids of all files of a question and its children, each once."""
    files = list(content.media)
    if isinstance(content, ListeningSet) and content.body.audio_file_id is not None:
        files.append(content.body.audio_file_id)
    if isinstance(content, QuestionSet):
        files += [file_id for child in content.body.children for file_id in child.media]
    return tuple(dict.fromkeys(files))
