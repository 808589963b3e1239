// Shows the result of a Requeue: rq-dashboard itself ignores refusals.
(function ($) {
  var $notice = $('<div id="payphone-notice" role="status" aria-live="polite"></div>')
    .appendTo(document.body);
  var say = function (text) {
    var $line = $('<p></p>').text(text).appendTo($notice);
    setTimeout(function () { $line.remove(); }, 8000);
  };
  $('<nav class="payphone-bar" aria-label="Payphone"><a href="/">← Payphone</a></nav>')
    .prependTo(document.body);
  $('#rq-instances').attr('aria-label', 'Redis');
  $(document).ajaxError(function (_event, xhr, sent) {
    if (xhr.status === 401) {
      window.location = '/login?next=' + encodeURIComponent(window.location.pathname);
      return;
    }
    if (sent.type === 'POST') {
      say(
        (xhr.responseJSON && xhr.responseJSON.detail) || 'That did not work (' + xhr.status + ').'
      );
    }
  });
  $(document).ajaxSuccess(function (_event, xhr, sent) {
    if (sent.type === 'POST' && xhr.responseJSON) {
      var count = xhr.responseJSON.count;
      say(count === 1 ? 'One dead job runs again.' : count + ' dead jobs run again.');
    }
  });
})(jQuery);
